#!/bin/bash
# `weir bench` and `weir run` of every kind of model file, with sizes for ONNX's open dims.
set -uo pipefail
weir=$(realpath "$1") write=$(realpath "$2") proto=$(realpath "$3")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
protoc --proto_path="$(dirname "$proto")" --python_out=. "$proto" > out 2>&1 || fail "protoc"
PYTHONPATH=. python3 "$write" mlp.onnx 8 16 3 > out 2>&1 || fail "write_onnx.py"

"$weir" convert mlp.onnx mlp.weir --dim batch=4 > out 2>&1 || fail "to .weir"
"$weir" convert mlp.weir mlp.mlir > out 2>&1 || fail "to text"
"$weir" convert mlp.weir mlp.stablehlo > out 2>&1 || fail "to StableHLO"
"$weir" compile mlp.onnx -o mlp.weirx --shape image=4x8 > out 2>&1 || fail "to .weirx"
for model in mlp.weir mlp.mlir mlp.stablehlo mlp.weirx mlp-eval; do
  "$weir" bench $model --runs 3 --warmup 1 --threads 1 --json > out 2> err || fail "bench $model"
  python3 -c '
import json
b = json.load(open("out"))
assert b["runs"] == 3 and b["threads"] == 1 and b["least_seconds"] <= b["median_seconds"] <= b["most_seconds"], b
assert b["flops"] > 400 and b["bytes"] > 0 and b["launches"] >= 1 and b["gflops_per_second"] > 0, b' >> out 2>&1 || fail "its numbers"
done
"$weir" bench mlp.onnx --dim batch=4 --runs 5 > out 2>&1 || fail "bench for people"
grep -qE '^median .* of 5 runs; least ' out || fail "median and spread"
grep -q 'GFLOP/s' out || fail "GFLOP/s"

x=$(seq -s, 32)
"$weir" run mlp.onnx --dim batch=4 --input image=$x --json > onnx.json 2> out || fail "run ONNX"
"$weir" run mlp.weirx --input image=$x --json > weirx.json 2> out || fail "run .weirx"
python3 -c '
import json
a, b = (json.load(open(f))["scores"] for f in ("onnx.json", "weirx.json"))
assert a == b and a["dims"] == [4, 3] and a["dtype"] == "f32", (a, b)' > out 2>&1 || fail "the same results"

refused() { # WHAT MESSAGE: the last command failed with it
  [ "$1" = 1 ] || fail "$2: status 1, not $1"
  grep -qF -- "$3" out || fail "$2"
}
"$weir" bench mlp.onnx > out 2>&1; refused $? "open sizes" "mlp.onnx leaves sizes open: image is FLOAT[batch, 8]"
"$weir" bench mlp.onnx --dim rows=4 > out 2>&1; refused $? "an unknown dim" "no open dim of this name; there are: batch"
"$weir" bench mlp.onnx --dim batch=x > out 2>&1; refused $? "no size" "'x' is no size"
"$weir" bench mlp.onnx --shape image=4x9 > out 2>&1; refused $? "a fixed dim" "dim 1 of input image is 8 in the model"
"$weir" bench mlp.onnx --shape image=4 > out 2>&1; refused $? "a rank" "input image is FLOAT[batch, 8]"
"$weir" bench mlp.onnx --shape picture=4x8 > out 2>&1; refused $? "an input" "no input of this name; there are: image"
"$weir" bench mlp.onnx --shape image=4x8 --dim batch=5 > out 2>&1; refused $? "two sizes" "batch is 5 by another flag"
"$weir" bench mlp.weir --dim batch=4 > out 2>&1; refused $? "fixed sizes" "its sizes are fixed"
"$weir" run mlp.weirx --interpret > out 2>&1; refused $? "no ops left" "mlp.weirx is compiled"
"$weir" view mlp.weirx > out 2>&1; refused $? "view of .weirx" "mlp.weirx is compiled"
echo passed
