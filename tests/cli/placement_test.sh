#!/bin/bash
# A graph on two devices from a file: the values of one device; its plan and schedule show devices and copies.  features: G5
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
model() { # WORD-TO-1 WORD-TO-0
  cat <<M
func.func @main(%x: tensor<32x16xf32> {weir.name = "x"}, %v: tensor<16x16xf32> {weir.name = "v"}, %w: tensor<16x16xf32> {weir.name = "w"$1}) -> (tensor<32x16xf32> {weir.name = "y"}) {
  %a = weir.dot %x, %v batch = [] x [] contract = [1] x [0] : (tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>
  %b = weir.tanh %a : tensor<32x16xf32>
  $2
  %d = weir.dot %c, %w batch = [] x [] contract = [1] x [0] : (tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>
  %y = weir.tanh %d : tensor<32x16xf32>
  return %y : tensor<32x16xf32>
}
M
}
model "" '%c = weir.neg %b : tensor<32x16xf32>' > one.mlir
model ', weir.device = 1 : i64' '%n = weir.neg %b : tensor<32x16xf32>
  %f = spmd.shard %n to "device=0" : tensor<32x16xf32>
  %c = spmd.shard %f to "device=1" : tensor<32x16xf32>' > two.mlir
for file in one two; do
  "$weir" run $file.mlir --input x=iota --input v=random --input w=random --json > $file.json 2> out || fail "run $file"
done
cmp one.json two.json > out || fail "two devices give what one gives"

"$weir" explain memory two.mlir > out 2>&1 || fail "explain"
grep -q '^  device 1 .* copied to it .* 2.*B a run' out || fail "the plan has two devices"
"$weir" explain memory one.mlir > out 2>&1 || fail "explain one"
grep -q 'on each device' out && fail "one device is not listed"

"$weir" compile two.mlir -o two.weirx > out 2>&1 || fail "compile"
"$weir" inspect two.weirx > out 2>&1 || fail "inspect"
grep -q 'copy arena+.* -> arena 1+.*# to device 1' out || fail "the schedule has the copy"
grep -q '# device 1$' out || fail "launches say their device"

{ echo 'module attributes {spmd.mesh = "data=2"} {'; cat two.mlir; echo '}'; } > both.mlir
"$weir" run both.mlir --input x=iota --input v=random --input w=random > out 2>&1 && fail "devices and a mesh are refused"
grep -q 'also on a mesh (data=2)' out || fail "the mesh is told"
echo ok
