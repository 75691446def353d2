#!/bin/bash
# weir compile --batch 1..N: one file for every batch, by weir-run, weir run and the C interface.
# features: G14
set -euo pipefail
weir=$PWD/$1 run=$PWD/$2 program=$PWD/$3 model=$PWD/tests/executables/batch.mlir
source tests/executables/fails.sh
cd "$(mktemp -d)"

w=1,-2,3,0,1,-1,2,0,1,-3,1,2
"$weir" compile "$model" -o m.weirx --batch 1..6 --input w=$w > out
grep -q 'a batch of 1 to 6 by 6 sizes' out
for n in 1 2 3 4 5 6; do
  sed "s/tensor<6/tensor<$n/g" "$model" > fixed.mlir
  "$weir" run fixed.mlir --input w=$w --input x=iota --limit 99 | grep -v '^w' > expected
  "$run" m.weirx --batch $n --input x=iota --limit 99 > got
  diff expected got
  "$weir" run m.weirx --batch $n --input x=iota --limit 99 > got
  diff expected got
  # What the second version of the format wrote.
  "$run" "$(dirname "$model")/version2.weirx" --batch $n --input x=iota --limit 99 > got
  diff expected got
  got=$("$program" m.weirx $n)
  [ "$got" = "y =$(head -1 expected | sed 's/.*{//; s/}//; s/,//g; s/^/ /')" ] || { echo "$got"; cat expected; exit 1; }
done

# A graph of 6 rows grows; sizes that are not in the file are run by others.
"$weir" compile "$model" -o more.weirx --batch 1..41 --batch-input x --cpu x86-64-v3 --input w=$w > out
for n in 7 17 39 40 41; do
  sed "s/tensor<6/tensor<$n/g" "$model" > fixed.mlir
  "$weir" run fixed.mlir --input w=$w --input x=iota --limit 999 | grep -v '^w' > expected
  "$run" more.weirx --batch $n --input x=iota --limit 999 > got
  diff expected got
done

"$run" m.weirx --describe --json | grep -q '"type": "f32\[1..6, 4\]"'
"$weir" compile "$model" -o m.weirx --batch 1..6 --input w=$w --json | grep -q '"most": 6'
"$run" m.weirx --describe > out
grep -q 'input x f32\[1..6, 4\]' out
grep -q 'output s f32\[1..6\]' out
"$run" m.weirx --input x=1,2,3,4,5,6,7,8 | grep -q '^s = f32\[2\]'
"$run" m.weirx | grep -q '^s = f32\[6\]'
fails 1 'a batch of 7 is asked for; the file takes batches of 1 to 6' "$run" m.weirx --batch 7
fails 1 'a batch of 7 is asked for' "$weir" run m.weirx --batch 7
fails 1 'takes batches of 1 to 6' "$program" m.weirx 7
fails 2 'batch' "$run" m.weirx --batch 0
"$weir" compile "$model" -o one.weirx --input w=$w > out
fails 1 'its sizes are fixed' "$run" one.weirx --batch 2

"$weir" bench m.weirx --batch 3 --runs 2 --quiet | grep -q 'launches a run'
fails 1 'those that it has are for 1, 2, 3, 4, 5, 6' "$weir" bench m.weirx --batch 7

fails 2 'a range of batches begins at 1' "$weir" compile "$model" -o x.weirx --batch 2..6
fails 2 'a size like 8, or a range like 1..8' "$weir" compile "$model" -o x.weirx --batch 1..
fails 1 'no input has 5 elements along its leading dim' "$weir" compile "$model" -o x.weirx --batch 1..5
fails 1 "there is no input 'z'" "$weir" compile "$model" -o x.weirx --batch 1..6 --batch-input z
fails 1 'add --batch 1..N' "$weir" compile "$model" -o x.weirx --batch-input x
sed 's/dims = \[1\] : (tensor<6x3xf32>) -> tensor<6xf32>/dims = [0] : (tensor<6x3xf32>) -> tensor<3xf32>/; s/tensor<6xf32>/tensor<3xf32>/g' "$model" > sums.mlir
fails 1 'sums.mlir:10: error: reduce_sum: combines the rows of the batch' "$weir" compile sums.mlir -o x.weirx --batch 1..6
fails 1 'rows that do not depend on each other' "$weir" compile mlp -o x.weirx --batch 1..4
[ ! -e x.weirx ]
"$weir" compile --help | grep -q 'every batch of 1 to N rows'
echo passed
