#!/bin/bash
# `weir view`: pages that stand alone, with modules, lines, derivatives and kernels.
# features: G2
set -uo pipefail
weir=$(realpath "$1") check=$(realpath "$2") write=$(realpath "$3") proto=$(realpath "$4")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; head -c 3000 out; exit 1; }
page() { python3 "$check" "$1" > out 2>&1 || fail "the page $1"; }
at_least() { [ "$(sed -n "s/^$1=//p" out)" -ge "$2" ] || fail "$1 of at least $2"; }

"$weir" view gpt > out 2>&1 || fail "the GPT training step"
page gpt.html
at_least ops 1000
at_least launches 100
at_least derivatives 300
at_least linked $(($(sed -n 's/^derivatives=//p' out) * 8 / 10))
[ "$(sed -n 's/^heavy=//p' out)" = "$(sed -n 's/^heavy_covered=//p' out)" ] || fail "every heavy op has a kernel"
at_least memory_lines 50
for name in forward backward update block0 block3 attention; do grep -qE "^group [a-z]+ ([a-z0-9.]+\.)?$name$" out || fail "group $name"; done
grep -q '^op dot .*frontend/models/char_gpt.cc:' out || fail "lines of the model"

"$weir" view lstm-eval -o lstm.html > out 2>&1 || fail "a loop"
page lstm.html
grep -q '^group loop scan × 64' out || fail "the loop is a group"
at_least back_edges 1

cat > tiny.mlir <<'END'
func.func @main(%x: tensor<3xf32> {weir.name = "</script>"}) -> (tensor<3xf32> {weir.name = "y"}) {
  %y = weir.exp %x : tensor<3xf32>
  return %y : tensor<3xf32>
}
END
"$weir" view - -o - < tiny.mlir > tiny.html 2> out || fail "from standard input to standard output"
page tiny.html
grep -q '^op exp .*standard input:2' out || fail "the line of the text"
"$weir" view tiny.mlir --json 2> out | python3 -c 'import json, sys; json.load(sys.stdin)' >> out 2>&1 || fail "--json"

protoc --proto_path="$(dirname "$proto")" --python_out=. "$proto" > out 2>&1 || fail "protoc"
PYTHONPATH=. python3 "$write" mlp.onnx 8 16 3 > out 2>&1 || fail "write_onnx.py"
"$weir" view mlp.onnx --dim batch=4 > out 2>&1 || fail "an ONNX model"
page mlp.html
grep -q '^group module up$' out || fail "names of nodes are modules"
"$weir" view mlp.onnx > out 2>&1 && fail "open sizes are refused"
grep -q 'fix: give them, for example --dim batch=1' out || fail "what to do about them"
echo passed
