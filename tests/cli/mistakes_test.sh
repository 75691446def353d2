#!/bin/bash
# Every subcommand has help with an example; mistakes end with a message and the right status; text that
# breaks MLIR's parser is a mistake like any other.
# features: X12 F7
set -uo pipefail
weir=$(realpath "$1") run=$(realpath "$2") check=$(realpath "$3")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
status() { # STATUS WHAT COMMAND...
  local want=$1 what=$2; shift 2
  "$weir" "$@" > out 2>&1 < /dev/null
  local got=$?
  [ $got = $want ] || fail "$what: status $want, not $got"
}

one_line() { # WHAT MESSAGE: that is all that was said
  [ "$(grep -c '' out)" = 1 ] || fail "$1: one line"
  grep -qF -- "$2" out || fail "$1"
}

for command in run compile bench generate inspect view "explain memory" convert check-grad bisect devices train "train gpt" "train lstm" \
  "train mlp" "train lenet" "train file"; do
  status 0 "help of $command" $command --help
  grep -q '^Examples:' out || fail "an example in weir $command --help"
done
status 0 "help" --help
status 0 "help of a command" help run
status 2 "no command"
one_line "no command" "weir: error: a command is missing; there are: train, compile, run,"
status 2 "an unknown command" dance
one_line "an unknown command" "weir: error: there is no command 'dance'; there are: train,"
status 2 "an unknown model to train" train mpl
one_line "an unknown model to train" "weir train: error: there is no command 'mpl'; did you mean mlp?"
status 2 "an unknown flag" run mlp-eval --interpet
one_line "an unknown flag" "weir run: error: there is no flag --interpet; did you mean --interpret? See weir run --help"
status 2 "no model" run
one_line "no model" "weir run: error: model is required; see weir run --help"
status 2 "a word too many" devices here
one_line "a word too many" "weir devices: error: 'here' is one word too many"
for flags in "run mlp-eval --threads -1" "bench mlp-eval --runs x" "train gpt --rate nan" "train gpt --steps -5" "train mlp --data x --scale 0" \
  "check-grad mlp-eval --tolerance -1" "run mlp-eval --batch 0" "train mlp --data x --hidden 0"; do
  status 2 "$flags" $flags
  [ "$(grep -c '' out)" = 1 ] || fail "$flags: one line"
done
for command in run bench inspect view check-grad bisect "explain memory"; do
  status 1 "$command of nothing" $command missing.mlir
  grep -q 'weir: error: missing.mlir: No such file' out || fail "$command names the file"
  status 1 "$command of a folder" $command .
done

cat > add.mlir <<'END'
func.func @main(%x: tensor<3xf32> {weir.name = "x"}) -> (tensor<3xf32> {weir.name = "y"}) {
  %y = weir.add %x, %x : tensor<3xf32>
  return %y : tensor<3xf32>
}
END
status 1 "no ONNX file" run missing.onnx
grep -q '^weir: error: cannot open missing.onnx: No such file' out || fail "an ONNX file is named"
status 1 "an unknown input" run add.mlir --input z=1
grep -q 'no input is called z; there are: x' out || fail "inputs are listed"
status 1 "an input twice" run add.mlir --input x=1 --input x=2
one_line "an input twice" "--input: error: x is given twice"
status 1 "too many numbers" run add.mlir --input x=1,2
grep -q 'value of x: 2 numbers for f32\[3\]' out || fail "both counts"
status 1 "no number" run add.mlir --input x=one
status 1 "a folder that is not there" view add.mlir -o nowhere/page.html
status 1 "a file that cannot be written" convert add.mlir nowhere/add.weir
head -c 100 add.mlir > cut.mlir
status 1 "text that ends early" run cut.mlir
one_line "its line" "cut.mlir:"
: > empty.mlir
status 1 "an empty file" run empty.mlir
one_line "an empty file" "weir: error: empty.mlir is empty"
head -c 300 /dev/zero > zeros.weirx
status 1 "a file of nothing known" run zeros.weirx
one_line "a file of nothing known" "zeros.weirx is neither text nor a file that Weir knows"
sed 's/3xf32/3xi32/g' add.mlir > whole.mlir
status 1 "a fraction for integers" run whole.mlir --input x=1,2,0.5
one_line "a fraction for integers" "value of x has 0.5, which is no i32"
status 0 "whole numbers" run whole.mlir --input x=1,2,-3
status 1 "a budget too small" bench add.mlir --memory-budget 1
grep -qF "add.mlir:1: error: memory budget: 1 B cannot be met" out || fail "a budget too small"
status 1 "a folder that cannot be made" compile add.mlir -o x.weirx --dump-to /proc/nowhere
one_line "a folder that cannot be made" "cannot make the folder /proc/nowhere"
status 1 "an unknown pass" bisect add.mlir --pass weir-nothing
one_line "an unknown pass" "weir: error: --pass weir-nothing: "
status 0 "a size of zero" run <(sed 's/3xf32/0x7xf32/g' add.mlir)
grep -q 'y = f32\[0, 7\] {}' out || fail "no elements"
status 1 "more than there is memory for" run <(sed 's/3xf32/1000000000000xf32/g' add.mlir)
echo 'func.func @other() { return }' > other.mlir
status 1 "no main" run other.mlir
grep -q 'has no function @main' out || fail "main is missed"
status 1 "nothing on standard input" run -
grep -q 'standard input' out || fail "standard input is named"

status 1 "programs on a GPU" run add.mlir --device cuda
grep -q 'weir: error: device cuda: ' out || fail "why not"
status 1 "a device of no kind" run add.mlir --device tpu
grep -q "there is no device 'tpu'; there are cpu, cuda" out || fail "devices are listed"
status 1 "training on a GPU" train mlp --data rows.csv --device cuda:1
grep -q 'weir: error: device cuda:1: ' out || fail "why not"
status 0 "code for GPUs" compile add.mlir -o add.weirx --device cpu,cuda
status 0 "the processor's part" run add.weirx
status 0 "code for GPUs alone" compile add.mlir -o gpu.weirx --device cuda
status 1 "no part for the processor" run gpu.weirx
grep -q 'gpu.weirx: is for cuda; .*--device cuda runs it' out || fail "what runs it"
status 0 "devices" devices
grep -q '^cpu ' out && grep -q '^cuda' out || fail "cpu, and why there is no GPU"
status 0 "kernels for a GPU" inspect add.mlir --device cuda --all
grep -q 'visible .entry weir_' out || fail "PTX is printed"

# Large dots are a library's, unless told otherwise; TF32 is no word for the CPU.
sed 's/SIZE/512x512xf32/g' > large.mlir <<'END'
func.func @main(%x: tensor<SIZE> {weir.name = "x"}) -> (tensor<SIZE> {weir.name = "y"}) {
  %0 = weir.dot %x, %x batch = [] x [] contract = [1] x [0] : (tensor<SIZE>, tensor<SIZE>) -> tensor<SIZE>
  return %0 : tensor<SIZE>
}
END
status 0 "a large dot" compile large.mlir -o large.weirx --device cuda --precision tf32
status 0 "the schedule for GPUs" inspect large.weirx --device cuda
grep -q 'cuBLASLt in TF32' out || fail "the library is told"
status 0 "kernels for a GPU" inspect large.mlir --device cuda
grep -q '^k0 *cuBLASLt' out || fail "the library is told"
status 0 "our own kernels" compile large.mlir -o own.weirx --device cuda --libraries none
status 0 "the schedule for GPUs" inspect own.weirx --device cuda
grep -q cuBLASLt out && fail "no library"
cat > conv.mlir <<'END'
func.func @main(%x: tensor<8x1x64x16x16xf32> {weir.name = "x"}, %w: tensor<1x64x64x3x3xf32> {weir.name = "w"}) -> (tensor<8x1x64x16x16xf32> {weir.name = "y"}) {
  %0 = weir.convolution %x, %w strides = [1, 1] low = [1, 1] high = [1, 1] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<8x1x64x16x16xf32>, tensor<1x64x64x3x3xf32>) -> tensor<8x1x64x16x16xf32>
  return %0 : tensor<8x1x64x16x16xf32>
}
END
status 0 "a large convolution" compile conv.mlir -o conv.weirx --device cuda
status 0 "the schedule for GPUs" inspect conv.weirx --device cuda
grep -q cuDNN out || fail "the library is told"
status 0 "kernels for a GPU" inspect conv.mlir --device cuda
grep -q '^convolution *cuDNN' out || fail "the library is told"
status 0 "our own kernels" compile conv.mlir -o own.weirx --device cuda --libraries none
status 0 "the schedule for GPUs" inspect own.weirx --device cuda
grep -q cuDNN out && fail "no library"
status 1 "TF32 on the CPU" run large.mlir --precision tf32
one_line "TF32 on the CPU" '--precision tf32 is of GPUs: add --device cuda'
status 1 "TF32 for the CPU" compile large.mlir -o large.weirx --precision tf32
status 1 "TF32 on the CPU" train mlp --data rows.csv --precision tf32

# Deep text is refused before MLIR's parser, which recurses, sees it.
python3 -c 'print("func.func @main() attributes {a = " + "[" * 100000 + "]" * 100000 + "} { return }")' > deep.mlir
status 1 "deep nesting" run deep.mlir
grep -q 'deep.mlir:1: error: brackets nest deeper than 400' out || fail "depth is told"
python3 -c 'print("func.func @main() { \"stablehlo.custom_call\"() : () -> " + "tuple<" * 100000 + ">" * 100000 + "}")' > deep.stablehlo
status 1 "deep types" inspect deep.stablehlo
grep -q 'brackets nest deeper than 400' out || fail "depth is told of types"

# Output that cannot be written is a failure; a file that was there stays as it was.
for command in "run add.mlir" "run add.mlir --json" "devices" "inspect add.mlir" "explain memory add.mlir" "convert add.mlir - --to weir" "--help"; do
  "$weir" $command > /dev/full 2> out && fail "$command to a full disk"
  one_line "$command to a full disk" "weir: error: cannot write standard output"
done
for command in "convert add.mlir /dev/full --to weir" "compile add.mlir -o /dev/full" "run add.mlir --save /dev/full" "view add.mlir -o /dev/full"; do
  status 1 "$command" $command
  one_line "$command" "cannot write /dev/full: No space left on device"
done
status 0 "a page" view add.mlir -o page.html
cp page.html before.html
(ulimit -f 1; exec "$weir" view add.mlir -o page.html) > out 2>&1 && fail "a file that may not grow"
one_line "a file that may not grow" "cannot write page.html: File too large"
cmp -s page.html before.html || fail "the old page is kept"
[ "$(ls page.html* | wc -l)" = 1 ] || fail "no part of a page is left"
"$weir" convert add.mlir - --to mlir | "$weir" run - --json --input x=1,2,3 > out 2>&1 || fail "from one to the next"
grep -q '"values":\[2.0,4.0,6.0\]' out || fail "values through a pipe"
"$weir" compile add.mlir -o - > piped.weirx 2> out || fail "an executable to standard output"

# weir-run and weir-check speak alike.
"$run" piped.weirx --input x=1,2,3 --save r.npz > out 2>&1 || fail "weir-run"
[ "$(cat out)" = 'y = f32[3] {2, 4, 6}' ] || fail "its values"
"$run" piped.weirx > /dev/full 2> out && fail "weir-run to a full disk"
one_line "weir-run to a full disk" "weir-run: error: cannot write standard output"
tool() { # STATUS WHAT MESSAGE COMMAND...
  local want=$1 what=$2 message=$3; shift 3
  "$@" > out 2>&1; local got=$?
  [ $got = $want ] || fail "$what: status $want, not $got"
  one_line "$what" "$message"
}
tool 2 "no file" "weir-run: error: file is required" "$run"
tool 2 "a level" "--cpu: arm not in" "$run" piped.weirx --cpu arm
tool 1 "a missing file" "weir-run: error: missing.weirx: cannot be opened: No such file" "$run" missing.weirx
tool 1 "an unknown input" "--input: error: no input is called z; there are: x" "$run" piped.weirx --input z=1
head -c 5000 piped.weirx > cut.weirx
tool 1 "a cut file" "weir-run: error: cut.weirx: has 5000 bytes" "$run" cut.weirx
tool 2 "a check of nothing" "weir-check: error: a command is missing; there are: graph, train" "$check"
tool 2 "a missing case" "weir-check: error: none.npz: cannot be opened: No such file" "$check" graph piped.weirx none.npz
tool 2 "a loss that is none" "weir-check: error: piped.weirx: has no output 'loss'" "$check" train piped.weirx r.npz --at-most 1
for tool in "$run" "$check graph" "$check train"; do
  $tool --help > out 2>&1 && grep -q '^Examples:' out || fail "help of $tool"
done

# Training: what is wrong with the data is said before long work.
status 1 "no text" train gpt --text missing.txt
one_line "no text" "weir: error: cannot open missing.txt: No such file or directory"
echo short > short.txt
status 1 "a short text" train gpt --text short.txt --out t
one_line "a short text" "short.txt is too short: windows of --context 64 need 65 characters, but its last tenth, which validates, has 1"
status 1 "no folder" train gpt --text short.txt --out /dev/null/t
one_line "no folder" "weir: error: cannot make the folder /dev/null/t: Not a directory"
data() { printf "$1" > rows.csv; }
data '1,2,0\n1,2\n'; status 1 "a ragged row" train mlp --data rows.csv
one_line "a ragged row" "weir: error: rows.csv:2: 2 fields, 3 expected"
data '1,2,0\n1,2,0.5\n'; status 1 "no label" train mlp --data rows.csv
one_line "no label" "rows.csv:2: the last number is the label, which is a whole number"
data '1,2,0\n1,2,9999999\n'; status 1 "a large label" train mlp --data rows.csv
one_line "a large label" "rows.csv: label 9999999 is no class: there are only 2 rows"
data '1,2,0\n1,2,-1\n'; status 1 "a label below" train mlp --data rows.csv
one_line "a label below" "rows.csv: label -1 is no class: they are numbered from 0"
data '1,2,0\n'; status 1 "one row" train mlp --data rows.csv
one_line "one row" "rows.csv has too few rows to hold some out"
data '1,2,0\n3,1,1\n1,2,0\n3,1,1\n1,2,0\n3,1,1\n1,2,0\n'
"$weir" train mlp --data rows.csv --epochs 3 --hidden 7 --out t --json > out 2> err || fail "a small run"
python3 -c 'import json; s = json.load(open("out")); assert s["steps"] == 3 and s["unit"] == "rows", s' >> out 2>&1 || fail "its summary as JSON"
status 1 "another configuration" train mlp --data rows.csv --epochs 3 --hidden 8 --out t --resume
grep -q 't/checkpoint.safetensors was made with sizes 2,7,2, but this run has 2,8,2' out || fail "the difference is told"
head -c 1000 t/checkpoint.safetensors > cut && mv cut t/checkpoint.safetensors
status 1 "a cut checkpoint" train mlp --data rows.csv --epochs 3 --hidden 7 --out t --resume
grep -q 'weir: error: t/checkpoint.safetensors: ' out || fail "the checkpoint is named"
# A disk that is full between steps does not end the training; at the end it does.
(ulimit -f 1; exec "$weir" train mlp --data rows.csv --epochs 4 --hidden 99 --checkpoint-every 2 --quiet --out u) > out 2>&1 && fail "a full disk"
grep -q 'warning: cannot write u/checkpoint.safetensors: File too large; training goes on without' out || fail "a warning between steps"
grep -q '^weir: error: cannot write u/checkpoint.safetensors: File too large' out || fail "an error at the end"
# A scheduler that ends the run gets a checkpoint, which goes on.
"$weir" train mlp --data rows.csv --epochs 100000000 --hidden 7 --checkpoint-every 0 --evaluate-every 0 --out v > out 2>&1 &
training=$!
for _ in $(seq 200); do grep -q 'step 1/' out && break; sleep 0.1; done
kill -TERM $training; wait $training
[ $? = 130 ] && grep -q 'interrupted; go on with the same flags and --resume' out && [ -f v/checkpoint.safetensors ] || fail "an end from outside"
echo passed
