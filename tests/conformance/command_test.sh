#!/bin/bash
# `weir run` and `weir check-grad` on StableHLO and on weir text: values, places, exit statuses.
# features: A1 A11 F3
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }

cat > model.mlir <<'EOF'
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>):
    %0 = "stablehlo.dot_general"(%arg0, %arg1) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
    %1 = "stablehlo.tanh"(%0) : (tensor<2xf32>) -> tensor<2xf32>
    "func.return"(%1) : (tensor<2xf32>) -> ()
  }) : () -> ()
}) : () -> ()
EOF
"$weir" run model.mlir --input arg0=zeros > out 2>&1 || fail "run"
grep -q 'result0 = f32\[2\] {0, 0}' out || fail "run prints the result"
"$weir" run model.mlir --interpret --input arg0=1 --input arg1=2 --print-after model.mlir:4 > out 2>&1 || fail "interpret"
grep -q 'weir.dot = f32\[2\] {6, 6}' out || fail "--print-after takes a line of the text"
"$weir" check-grad model.mlir > out 2>&1 || fail "check-grad of a right derivative"
[ "$(grep -c ' ok$' out)" = 2 ] || fail "check-grad prints a line for each argument"

# No derivative flows through bits, but differences see them.
cat > wrong.mlir <<'EOF'
func.func @main(%x: tensor<3xf64>) -> tensor<3xf64> {
  %b = weir.bitcast %x to f64 : (tensor<3xf64>) -> tensor<3xf64>
  %y = weir.mul %x, %b : tensor<3xf64>
  return %y : tensor<3xf64>
}
EOF
"$weir" check-grad wrong.mlir > out 2>&1
[ $? = 1 ] || fail "a mismatch is exit status 1"
grep -q MISMATCH out || fail "a mismatch is named"

# x·sin(y) with rules of its own, for both modes and for reverse mode only.
cat > custom_jvp.mlir <<'EOF'
func.func private @f(%x: tensor<3xf64>, %y: tensor<3xf64>) -> tensor<3xf64> {
  %0 = weir.sin %y : tensor<3xf64>
  %1 = weir.mul %x, %0 : tensor<3xf64>
  return %1 : tensor<3xf64>
}
func.func private @rule(%x: tensor<3xf64>, %y: tensor<3xf64>, %dx: tensor<3xf64>, %dy: tensor<3xf64>) -> (tensor<3xf64>, tensor<3xf64>) {
  %0 = weir.call @f(%x, %y) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  %1 = weir.sin %y : tensor<3xf64>
  %2 = weir.mul %dx, %1 : tensor<3xf64>
  %3 = weir.cos %y : tensor<3xf64>
  %4 = weir.mul %x, %3 : tensor<3xf64>
  %5 = weir.mul %4, %dy : tensor<3xf64>
  %6 = weir.add %2, %5 : tensor<3xf64>
  return %0, %6 : tensor<3xf64>, tensor<3xf64>
}
func.func @main(%x: tensor<3xf64>, %y: tensor<3xf64>) -> tensor<3xf64> {
  %0 = weir.custom_jvp @f rule = @rule(%x, %y) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  return %0 : tensor<3xf64>
}
EOF
cat > custom_vjp.mlir <<'EOF'
func.func private @f(%x: tensor<3xf64>, %y: tensor<3xf64>) -> tensor<3xf64> {
  %0 = weir.sin %y : tensor<3xf64>
  %1 = weir.mul %x, %0 : tensor<3xf64>
  return %1 : tensor<3xf64>
}
func.func private @forward(%x: tensor<3xf64>, %y: tensor<3xf64>) -> (tensor<3xf64>, tensor<3xf64>, tensor<3xf64>) {
  %0 = weir.call @f(%x, %y) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  return %0, %x, %y : tensor<3xf64>, tensor<3xf64>, tensor<3xf64>
}
func.func private @backward(%x: tensor<3xf64>, %y: tensor<3xf64>, %ct: tensor<3xf64>) -> (tensor<3xf64>, tensor<3xf64>) {
  %0 = weir.sin %y : tensor<3xf64>
  %1 = weir.mul %ct, %0 : tensor<3xf64>
  %2 = weir.cos %y : tensor<3xf64>
  %3 = weir.mul %x, %2 : tensor<3xf64>
  %4 = weir.mul %3, %ct : tensor<3xf64>
  return %1, %4 : tensor<3xf64>, tensor<3xf64>
}
func.func @main(%x: tensor<3xf64>, %y: tensor<3xf64>) -> tensor<3xf64> {
  %0 = weir.custom_vjp @f forward = @forward backward = @backward(%x, %y) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  return %0 : tensor<3xf64>
}
EOF
for rules in custom_jvp custom_vjp; do
  "$weir" run $rules.mlir > out 2>&1 || fail "run $rules"
  "$weir" check-grad $rules.mlir > out 2>&1 || fail "check-grad of right rules: $rules"
  sed 's/weir.cos/weir.tanh/' $rules.mlir > wrong_$rules.mlir
  "$weir" check-grad wrong_$rules.mlir > out 2>&1
  [ $? = 1 ] || fail "a wrong rule is exit status 1: $rules"
  grep -q MISMATCH out || fail "a wrong rule is a mismatch: $rules"
done

sed 's/stablehlo.tanh/stablehlo.fft/' model.mlir > unsupported.mlir
"$weir" run unsupported.mlir > out 2>&1
[ $? = 1 ] || fail "what is not supported is exit status 1"
grep -q 'unsupported.mlir:5: error: stablehlo.fft: this op is not supported' out || fail "the line is named"
echo passed
