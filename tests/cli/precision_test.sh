#!/bin/bash
# `weir train --precision`: bf16 and f16 learn what f32 learns; checkpoints, reports and refusals.  features: P3
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
python3 -c '
import random
random.seed(1)
print("".join(random.choice("the quick brown fox jumps over the lazy dog. ").strip() or " " for _ in range(6000)))' > text
small=(--text text --layers 2 --heads 4 --features 32 --context 16 --batch 4 --sample 0 --quiet)
loss() { python3 -c "import json; print(json.load(open('$1/summary.json'))['validation_loss'])"; }
for precision in f32 bf16 f16; do
  "$weir" train gpt "${small[@]}" --steps 40 --precision $precision --out $precision > out 2>&1 || fail "$precision"
  python3 -c "import sys; a, b = $(loss f32), $(loss $precision); sys.exit(abs(a - b) > 0.02 * a)" ||
    fail "$precision: validation loss $(loss $precision), f32's $(loss f32)"
done
[ "$(loss bf16)" != "$(loss f32)" ] || fail "bf16 is another type"
grep -q '^loss scale   [0-9]* at the end, [0-9]* steps skipped' out || fail "what loss scaling did is reported"

"$weir" train gpt "${small[@]}" --steps 44 --precision f16 --out f16 --resume > out 2>&1 && fail "another number of steps is refused"
"$weir" train gpt "${small[@]}" --steps 40 --precision bf16 --out f16 --resume > out 2>&1 && fail "another precision is refused"
grep -q 'was made with precision f16, but this run has bf16' out || fail "the precision is told"
"$weir" train gpt "${small[@]}" --precision f8 > out 2>&1 && fail "f8 is refused"
grep -q 'f8' out || fail "f8 is told"

# A loss scale is a variable like any other: it is split over no mesh, and a step is skipped on all devices.
"$weir" train gpt "${small[@]}" --steps 6 --precision f16 --mesh data=2 --out mesh > out 2>&1 || fail "f16 on a mesh"
"$weir" train gpt "${small[@]}" --steps 6 --precision f16 --out one > out 2>&1 || fail "f16 on one device"
python3 -c "import sys; a, b = $(loss one), $(loss mesh); sys.exit(abs(a - b) > 0.01 * a)" || fail "mesh: $(loss mesh), one device: $(loss one)"
echo ok
