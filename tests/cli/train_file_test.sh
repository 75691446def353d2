#!/bin/bash
# `weir train FILE`: an ONNX classifier, and one of a .weir file or of text, learns further, is saved, and runs.
# features: X12
set -uo pipefail
weir=$(realpath "$1") write=$(realpath "$2") proto=$(realpath "$3")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
accuracy() { sed -n "s/.*$1 accuracy \([0-9.]*\) %.*/\1/p" out | tail -1; }

protoc --proto_path="$(dirname "$proto")" --python_out=. "$proto" > out 2>&1 || fail "protoc"
PYTHONPATH=. python3 "$write" mlp.onnx 8 64 3 > out 2>&1 || fail "write_onnx.py"
# The class is the largest of three sums.
python3 -c '
import random
random.seed(3)
for _ in range(500):
    x = [random.randint(0, 16) for _ in range(8)]
    sums = [x[0] + x[1], x[2] + x[3], x[4] + x[5]]
    print(*x, sums.index(max(sums)), sep=",")' > rows.csv

"$weir" train mlp.onnx --data rows.csv --batch 20 --epochs 30 --rate 0.01 --quiet --save trained.weir --weights trained.safetensors \
  --out first > out 2>&1 || fail "train"
before=$(accuracy "before training: test") after=$(sed -n 's/^test accuracy \([0-9.]*\) %.*/\1/p' out)
python3 -c "import sys; sys.exit(not ($after > 85 and $after > $before + 20))" || fail "accuracy rises: $before to $after"
[ -f first/checkpoint.safetensors ] && [ -f trained.weir ] && [ -f trained.safetensors ] || fail "what is written"
# What is saved is the trained model alone: a large x[2] + x[3] is class 1.
"$weir" run trained.weir --input image=0,0,1,1,0,0,0,0,$(for i in $(seq 19); do echo -n 0,0,1,1,0,0,0,0,; done | sed 's/,$//') --json > out 2>&1 || fail "run what was saved"
python3 -c 'import json; v = json.load(open("out"))["scores"]["values"][:3]; assert v[1] == max(v), v' >> out 2>&1 || fail "it has learned"

PYTHONPATH=. python3 "$write" soft.onnx 8 16 3 softmax
"$weir" train soft.onnx --data rows.csv --probabilities --batch 20 --epochs 5 --quiet --out second > out 2>&1 || fail "probabilities"

PYTHONPATH=. python3 "$write" wide.onnx 9 16 3
"$weir" train wide.onnx --data rows.csv --quiet > out 2>&1 && fail "rows of another width are refused"
grep -q 'rows of the data have 8 numbers, but input image is FLOAT\[batch, 9\]' out || fail "both widths are told"
PYTHONPATH=. python3 "$write" few.onnx 8 16 2
"$weir" train few.onnx --data rows.csv --quiet > out 2>&1 && fail "too few classes are refused"
grep -q 'output scores is f32\[64, 2\], but logits of this data are f32\[64, 3\] or wider' out || fail "both are told"
"$weir" train mlp.onnx --data rows.csv --logits nothing > out 2>&1 && fail "an unknown output is refused"
grep -q 'has no output nothing' out || fail "the output is told"

# A .weir file, or text with values: its variables are trained, and it can be trained again.
"$weir" convert mlp-eval start.weir --draw > out 2>&1 || fail "a drawn classifier"
python3 -c '
import random
random.seed(4)
for _ in range(400):
    label = random.randint(0, 9)
    print(*(16 if i % 10 == label else random.randint(0, 12) for i in range(784)), label, sep=",")' > wide.csv
"$weir" train start.weir --data wide.csv --epochs 8 --quiet --save better.weir --weights better.safetensors --out third > out 2>&1 || fail "train .weir"
before=$(accuracy "before training: test") after=$(sed -n 's/^test accuracy \([0-9.]*\) %.*/\1/p' out)
python3 -c "import sys; sys.exit(not ($after > 80 and $after > $before + 20))" || fail "accuracy rises: $before to $after"
"$weir" train better.weir --data wide.csv --epochs 1 --quiet --out fourth > out 2>&1 || fail "train what was saved"
again=$(accuracy "before training: test")
[ "$again" = "$after" ] || fail "what was saved is what was trained: $again, $after"
"$weir" convert better.weir text.mlir > out 2>&1 || fail "as text"
"$weir" train text.mlir --data wide.csv --quiet > out 2>&1 && fail "text has no values"
grep -q 'variable mlp.0.weight has no value to start from; --load gives values' out || fail "it is told"
"$weir" train text.mlir --load better.safetensors --data wide.csv --epochs 1 --quiet --out fifth > out 2>&1 || fail "text with values"
[ "$(accuracy "before training: test")" = "$after" ] || fail "values are loaded"
"$weir" train start.weir --data rows.csv --quiet > out 2>&1 && fail "rows of another width"
grep -q 'rows of the data have 8 numbers, but input x is f32\[64, 784\]' out || fail "both widths of a graph"
"$weir" convert mlp training.weir --draw > out 2>&1
"$weir" train training.weir --data wide.csv --quiet > out 2>&1 && fail "a training graph"
grep -q 'itself, as training graphs do' out || fail "why not"
"$weir" train trained.weir --data rows.csv --quiet > out 2>&1 && fail "a graph of constants"
grep -q 'has no variables to train' out || fail "why not either"
echo passed
