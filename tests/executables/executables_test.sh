#!/bin/bash
# weir compile, weir-run and the C interface on one small model. features: F7 X12 A10
set -euo pipefail
weir=$PWD/$1 run=$PWD/$2 program=$PWD/$3 model=$PWD/tests/executables/model.mlir
source tests/executables/fails.sh
cd "$(mktemp -d)"

"$weir" compile "$model" -o m.weirx --input w=1,2,3,4 --input n=5
"$weir" run "$model" --input x=iota --input w=1,2,3,4 --input n=5 | grep '^y' > expected
mkdir empty
cp "$run" m.weirx empty
(cd empty && env -i ./weir-run m.weirx --input x=iota) > got
diff expected got
for cpu in x86-64-v3 x86-64-v4; do
  if grep -q avx512f /proc/cpuinfo || [ $cpu = x86-64-v3 ]; then
    "$run" m.weirx --cpu $cpu --input x=iota --repeat 3 --threads 2 > got
    diff expected got
  fi
done
"$run" m.weirx --describe | grep -q 'input x f32\[3, 4\]'
file=$("$program" m.weirx)
[ "$file" = "y = 1 4 7 10 9 12 15 18 17 20 23 26" ] || { echo "the C program prints: $file"; exit 1; }
"$weir" run m.weirx --input x=iota --json > expected.json
"$run" m.weirx --input x=iota --json > got.json
diff expected.json got.json
"$weir" compile "$model" -o other.weirx --json | grep -q '"kernels": [1-9]'
fails 1 'neither with --to nor with -o -' "$weir" compile "$model" -o - --json
# What the first version of the format wrote.
"$run" "$(dirname "$model")/version1.weirx" --input x=iota > got
diff expected got

head -c 5000 m.weirx > short.weirx
fails 1 'truncated or damaged' "$run" short.weirx
fails 1 'is not a Weir executable' "$run" "$model"
fails 1 'cannot be opened' "$run" nothing.weirx
fails 1 'nothing.weirx: cannot be opened' "$program" nothing.weirx
fails 1 'no input is called z' "$run" m.weirx --input z=1
fails 1 'not a zip archive' "$weir" compile "$model" -o x.weirx --values "$model"
fails 2 'output is required' "$weir" compile "$model"
"$weir" compile "$model" -o bare.weirx | grep -q 'without values'
fails 1 "variable 'w'" "$run" bare.weirx
fails 1 'memory budget' "$weir" compile "$model" -o x.weirx --memory-budget 10
fails 1 'cannot shrink: .* variables, .*; the largest is variable' "$weir" explain memory gpt --memory-budget 11M
"$weir" explain memory gpt --memory-budget 26M 2> notes > plan
grep -q 'launches are run again' notes
grep -q 'run again: .*char_gpt.cc' notes
echo passed
