#!/bin/bash
# A Python script writes a graph with nothing but protobuf, and `weir run` runs it.
# features: G16
set -uo pipefail
weir=$(realpath "$1") script=$(realpath "$2") proto=$(realpath "$3")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
python3 -c 'import google.protobuf' > out 2>&1 || fail "python3-protobuf is missing: run tools/setup"

protoc --proto_path="$(dirname "$proto")" --python_out=. "$proto" > out 2>&1 || fail "protoc"
PYTHONPATH=. python3 "$script" graph.weir > out 2>&1 || fail "the script"
"$weir" run graph.weir --input x=0 > out 2>&1 || fail "run"
grep -q 'y = f32\[3\] {1, 2, 3}' out || fail "tanh(0) + bias"
grep -q 'x_again = f32\[3\] {0, 0, 0}' out || fail "x again"
"$weir" convert graph.weir canonical.weir > out 2>&1 || fail "convert"
cmp graph.weir canonical.weir > out 2>&1 || fail "the script writes canonical bytes"
"$weir" run - --input x=0 < graph.weir > out 2>&1 || fail "from standard input"
sed 's/, operands=\[2, 1\]/, operands=[2, 7]/' "$script" > wrong.py
PYTHONPATH=. python3 wrong.py wrong.weir
"$weir" run wrong.weir > out 2>&1 && fail "a mistake is refused"
grep -q 'wrong.weir: error: @main op 2, weir.add: operand 1 is value 7, which is not defined before' out || fail "a mistake is named"
echo passed
