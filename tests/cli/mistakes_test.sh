#!/bin/bash
# Every subcommand has help with an example; mistakes end with a message and the right status; text that
# breaks MLIR's parser is a mistake like any other.
# features: X12
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
status() { # STATUS WHAT COMMAND...
  local want=$1 what=$2; shift 2
  "$weir" "$@" > out 2>&1 < /dev/null
  local got=$?
  [ $got = $want ] || fail "$what: status $want, not $got"
}

for command in run compile bench inspect view "explain memory" convert check-grad bisect devices "train file"; do
  status 0 "help of $command" $command --help
  grep -q '^Examples:' out || fail "an example in weir $command --help"
done
status 0 "help" --help
status 2 "no command" 
status 2 "an unknown command" dance
status 2 "an unknown flag" run mlp-eval --fast
status 2 "no model" run
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
status 1 "too many numbers" run add.mlir --input x=1,2
grep -q 'value of x: 2 numbers for f32\[3\]' out || fail "both counts"
status 1 "no number" run add.mlir --input x=one
status 1 "a folder that is not there" view add.mlir -o nowhere/page.html
status 1 "a file that cannot be written" convert add.mlir nowhere/add.weir
head -c 100 add.mlir > cut.mlir
status 1 "text that ends early" run cut.mlir
grep -q 'cut.mlir:' out || fail "its line"
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

# Deep text is refused before MLIR's parser, which recurses, sees it.
python3 -c 'print("func.func @main() attributes {a = " + "[" * 100000 + "]" * 100000 + "} { return }")' > deep.mlir
status 1 "deep nesting" run deep.mlir
grep -q 'deep.mlir:1: error: brackets nest deeper than 400' out || fail "depth is told"
python3 -c 'print("func.func @main() { \"stablehlo.custom_call\"() : () -> " + "tuple<" * 100000 + ">" * 100000 + "}")' > deep.stablehlo
status 1 "deep types" inspect deep.stablehlo
grep -q 'brackets nest deeper than 400' out || fail "depth is told of types"
echo passed
