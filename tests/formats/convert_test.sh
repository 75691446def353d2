#!/bin/bash
# `weir convert` between text and .weir, what version 1 wrote, and mistakes.
# features: G16
set -uo pipefail
weir=$(realpath "$1") version1=$(realpath "$2")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }

"$weir" convert mlp mlp.mlir > out 2>&1 || fail "a model of the zoo to text"
"$weir" convert mlp.mlir mlp.weir > out 2>&1 || fail "text to .weir"
"$weir" convert mlp.weir again.mlir > out 2>&1 || fail ".weir to text"
"$weir" convert again.mlir again.weir > out 2>&1 || fail "text to .weir again"
cmp mlp.weir again.weir > out 2>&1 || fail "the same graph has the same bytes"
cmp mlp.mlir again.mlir > out 2>&1 || fail "the round trip is exact, locations included"
"$weir" convert mlp - --to weir 2> out | cmp - mlp.weir >> out 2>&1 || fail "to standard output"
"$weir" inspect mlp.weir > out 2>&1 || fail "commands take .weir files"
grep -q 'mlp.0.weight' out || fail "names are kept"

cat > big.mlir <<'END'
func.func @main(%x: tensor<600xi64> {weir.name = "x"}) -> (tensor<600xi64> {weir.name = "y"}) {
  %c = weir.constant dense<"0x$ELEMENTS"> : tensor<600xi64>
  %y = weir.add %x, %c : tensor<600xi64>
  return %y : tensor<600xi64>
}
END
elements=$(for i in $(seq 600); do printf '%02x00000000000000' $((i % 256)); done)
sed -i "s/\$ELEMENTS/$elements/" big.mlir
"$weir" convert big.mlir big.weir --weights big.safetensors > out 2>&1 || fail "weights in a file of their own"
[ "$(stat -c %s big.weir)" -lt 1000 ] && [ -f big.safetensors ] || fail "the weights are in the other file"
"$weir" run big.weir --input x=0 --limit 4 > out 2>&1 || fail "run with weights beside the graph"
grep -q 'y = i64\[600\] {1, 2, 3, 4' out || fail "the weights' values"

"$weir" run "$version1" --input x=0 --input w=1 > out 2>&1 || fail "version 1 is read"
grep -q 'y = f32\[2\] {1.5, 2.5}' out || fail "version 1 means the same"
"$weir" convert "$version1" now.weir > out 2>&1 || fail "convert version 1"
# Byte 7 is the version: 12 02 of a newer file.
{ head -c 7 "$version1"; printf '\x02'; tail -c +9 "$version1"; } > newer.weir
"$weir" run newer.weir > out 2>&1 && fail "a newer version is refused"
grep -q 'newer.weir: error: the file has version 2 of the graph format; this weir reads versions up to 1' out || fail "a newer version is named"
head -c 100 "$version1" > short.weir
"$weir" run short.weir > out 2>&1 && fail "a short file is refused"
grep -q 'short.weir: error: the file is truncated or damaged' out || fail "a short file is named"
"$weir" convert mlp mlp.txt > out 2>&1 && fail "an unknown ending is refused"
grep -q 'cannot tell the format of mlp.txt: name it' out || fail "the endings are told"

# To StableHLO and back: the same numbers.
"$weir" convert mlp-eval eval.mlir > out 2>&1 || fail "a model to text"
"$weir" convert eval.mlir eval.stablehlo > out 2>&1 || fail "to StableHLO"
grep -q '"stablehlo.dot_general"' eval.stablehlo || fail "StableHLO's ops"
"$weir" inspect eval.stablehlo > out 2>&1 || fail "StableHLO is read again"
"$weir" convert mlp step.stablehlo > out 2>&1 || fail "a training step to StableHLO"
grep -q 'tf.aliasing_output' step.stablehlo || fail "updates are told"
"$weir" convert step.stablehlo step.weir > out 2>&1 || fail "a training step back"
cat > line.mlir <<'END'
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = weir.cumulative_sum %x dim = 0 reverse = false : tensor<3xf32>
  return %0 : tensor<3xf32>
}
END
"$weir" convert line.mlir line.stablehlo > out 2>&1 || fail "text to StableHLO"
"$weir" run line.stablehlo --input arg0=1,2,3 > out 2>&1 || fail "run it"
grep -q 'result0 = f32\[3\] {1, 3, 6}' out || fail "its values"
echo passed
