#!/bin/bash
# The zoo on the command line: big models cost little to look at; values that files carry. features: L4 G16
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }

# 1.5 billion parameters are 6 GB: none is made.
(ulimit -v 4000000; "$weir" inspect gpt2 --size xl) > out 2>&1 || fail "inspect the largest GPT-2"
grep -q '1.56G elements' out || fail "its parameters"
(ulimit -v 4000000; "$weir" convert moe moe.weir --size 8x7b) > out 2>&1 || fail "Mixtral as a graph"
[ "$(stat -c %s moe.weir)" -lt 10000000 ] || fail "without values it is small"
"$weir" inspect resnet50 > out 2>&1 || fail "inspect resnet50"
"$weir" inspect gpt2 --size huge > out 2>&1 && fail "no such size"
grep -q 'there are small, medium, large, xl' out || fail "the sizes are told"
"$weir" inspect moe.weir --size tiny > out 2>&1 && fail "a file has no sizes"
grep -q 'are for models by name' out || fail "what sizes are for"

"$weir" convert mlp-eval m.weir --draw --batch 2 > out 2>&1 || fail "with initial values"
"$weir" convert m.weir again.weir > out 2>&1 || fail "once more"
cmp m.weir again.weir > out 2>&1 || fail "the same bytes, values included"
"$weir" convert m.weir split.weir --weights split.safetensors > out 2>&1 || fail "values beside the graph"
[ "$(stat -c %s split.weir)" -lt 100000 ] || fail "the graph without its values"
run() { "$weir" run "$@" --input x=iota --input y=1; }
run m.weir > expected 2> out || fail "run with the file's values"
run mlp-eval --batch 2 > other 2> out || fail "run with random ones"
cmp -s expected other && fail "the file's values are used"
run split.weir > got 2> out && cmp got expected > out 2>&1 || fail "values from the other file"
"$weir" convert m.weir m.mlir > out 2>&1 || fail "as text"
grep -q 'note: the values of 4 variables are not part of the text' out || fail "what text loses is told"
"$weir" convert m.weir m.mlir --weights m.safetensors > out 2>&1 || fail "as text and weights"
run m.mlir --load m.safetensors > got 2> out && cmp got expected > out 2>&1 || fail "load weights for text"
run mlp-eval --batch 2 --load m.safetensors > got 2> out && cmp got expected > out 2>&1 || fail "load weights for a model by name"
"$weir" compile m.weir -o m.weirx > out 2>&1 || fail "compile"
grep -q '4 variables with values' out || fail "values are in the executable"
"$weir" run mlp --load "$weir" > out 2>&1 && fail "weights that are none"
echo passed
