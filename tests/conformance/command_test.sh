#!/bin/bash
# `weir run` and `weir check-grad` on StableHLO and on weir text: values, places, exit statuses.
# features: A1 F3
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

sed 's/stablehlo.tanh/stablehlo.fft/' model.mlir > unsupported.mlir
"$weir" run unsupported.mlir > out 2>&1
[ $? = 1 ] || fail "what is not supported is exit status 1"
grep -q 'unsupported.mlir:5: error: stablehlo.fft: this op is not supported' out || fail "the line is named"
echo passed
