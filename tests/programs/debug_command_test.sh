#!/bin/bash
# --check-numerics of `weir run` and `weir train`, and `weir bisect`: places, names, exit statuses.
# features: X8 X9
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }

cat > model.mlir <<'END'
func.func @main(%x: tensor<3xf32> {weir.name = "x"}, %y: tensor<3xf32> {weir.name = "y"}) -> (tensor<3xf32> {weir.name = "z"}) {
  %0 = weir.exp %x : tensor<3xf32>
  %1 = weir.sub %0, %y : tensor<3xf32>
  %2 = weir.log %1 : tensor<3xf32>
  %3 = weir.tanh %2 : tensor<3xf32>
  return %3 : tensor<3xf32>
}
END
"$weir" run model.mlir --check-numerics --input x=0,0,0 --input y=0,0,0 > out 2>&1 || fail "a finite run"
grep -q 'z = f32\[3\] {0, 0, 0}' out || fail "a checked run prints its results"
"$weir" run model.mlir --check-numerics --input x=0,0,0 --input y=0,3,0 > out 2>&1 && fail "NaN passes"
grep -q 'model.mlir:4: error: numerics: log makes NaN' out || fail "the op is named at its line"
grep -q 'element \[1\] of f32\[3\] is NaN' out || fail "the element"
grep -q 'operand 0, f32\[3\], is -2 there' out || fail "the operand"
"$weir" run model.mlir --interpret --check-numerics --input x=0,0,0 --input y=0,3,0 > out 2>&1 && fail "NaN passes"
grep -q 'model.mlir:4: error: numerics: log makes NaN' out || fail "the interpreter names the op as well"

# A learning rate that makes the parameters overflow: the step that reads them is stopped.
for i in $(seq 40); do echo "the quick brown fox jumps over the lazy dog."; done > text
"$weir" train gpt --text text --steps 30 --rate 1e25 --layers 1 --heads 1 --features 8 --context 8 --batch 2 \
  --quiet --sample 0 --out run --check-numerics > out 2>&1 && fail "a step that overflows passes"
grep -qE 'error: numerics: [a-z_]+ makes (NaN|-?inf)' out || fail "train names the op"
grep -q 'no variable was changed' out || fail "train stops before the update"

"$weir" bisect model.mlir > out 2>&1 || fail "bisect of a right graph"
grep -qE 'nothing differs: [0-9]+ passes and 1 launches agree' out || fail "bisect counts"
"$weir" bisect model.mlir --pass weir-simplify > out 2>&1 || fail "bisect of one pass"
grep -q '1 passes and 0 launches' out || fail "bisect of one pass counts"
"$weir" bisect missing.mlir > out 2>&1 && fail "bisect of nothing"
exit 0
