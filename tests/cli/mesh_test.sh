#!/bin/bash
# `weir train --mesh`: threads of one process and ranks under mpirun learn what one device learns; `weir run --mesh`, `weir compile --mesh`.
# features: P1 P4 P6 P20 X6
set -uo pipefail
weir=$(realpath "$1") run=$(realpath "$2")
source distributed/comm/mpi/launch.sh
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }
python3 -c '
import random
random.seed(1)
print("".join(random.choice("the quick brown fox jumps over the lazy dog. ").strip() or " " for _ in range(6000)))' > text
small=(--text text --steps 6 --layers 2 --heads 4 --features 32 --context 16 --batch 4 --sample 0 --quiet)
number() { python3 -c "import json; print(json.load(open('$1/summary.json'))['$2'])"; }
same() { # FOLDER
  for key in training_loss validation_loss; do
    python3 -c "import sys; sys.exit(abs($(number one $key) - $(number "$1" $key)) > 1e-5)" || fail "$1: $key is $(number "$1" $key), not $(number one $key)"
  done
}
"$weir" train gpt "${small[@]}" --out one > out 2>&1 || fail "one device"
"$weir" train gpt "${small[@]}" --mesh data=2,model=2 --out mesh > out 2>&1 || fail "a mesh"
same mesh
grep -q 'mesh         data=2,model=2: 4 devices' out || fail "the mesh is reported"
"$weir" train gpt "${small[@]}" --mesh data=2 --zero 3 --out zero > out 2>&1 || fail "zero"
same zero
"$weir" train gpt "${small[@]}" --mesh data=2 --zero 1 --out stage1 > out 2>&1 || fail "the first stage of zero"
same stage1
"$weir" train gpt "${small[@]}" --mesh data=2,model=2 --bucket-bytes 20000 --out buckets > out 2>&1 || fail "buckets"
same buckets
"$weir" train gpt "${small[@]}" --bucket-bytes 20000 > out 2>&1 && fail "buckets without a mesh are refused"
grep -q -- '--bucket-bytes is of a mesh' out || fail "the lack of a mesh is told"

# A checkpoint of one mesh goes on on another.
"$weir" train gpt "${small[@]}" --mesh model=2 --out mesh --resume > out 2>&1 || fail "a checkpoint on another mesh"
same mesh

"$weir" train gpt "${small[@]}" --mesh rows=2 > out 2>&1 && fail "an unknown axis is refused"
grep -q 'an axis is data, sequence, model or expert, not rows' out || fail "the axes are told"

cat > model.mlir <<'M'
func.func @main(%x: tensor<4x6xf32> {weir.name = "x"}, %w: tensor<6x4xf32> {weir.name = "w"}) -> (tensor<4x4xf32> {weir.name = "y"}) {
  %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<4x6xf32>, tensor<6x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
M
"$weir" run model.mlir --input x=iota --input w=iota --json > expected 2> out || fail "run"
"$weir" run model.mlir --input x=iota --input w=iota --json --mesh data=2,model=2 --shard 'w=[{},{model}]' > got 2> out || fail "run on a mesh"
cmp expected got > out || fail "a mesh gives what one device gives"

# features: F7
# A file for a mesh: threads here, ranks under mpirun. Its values are whole, so it says what one device says.
cat > step.mlir <<'M'
func.func @main(%x: tensor<4x6xf32> {weir.name = "x"}, %w: tensor<6x5xf32> {weir.variable = "w"})
    -> (tensor<4x5xf32> {weir.name = "y"}, tensor<6x5xf32> {weir.updates = 1 : i64}) {
  %y = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<4x6xf32>, tensor<6x5xf32>) -> tensor<4x5xf32>
  %v = weir.add %w, %w : tensor<6x5xf32>
  return %y, %v : tensor<4x5xf32>, tensor<6x5xf32>
}
M
on_mesh=(--mesh data=2,model=2 --shard 'w=[{},{model}]')
"$weir" compile step.mlir --input w=iota -o one.weirx > out 2>&1 || fail "compile"
"$weir" compile step.mlir "${on_mesh[@]}" --input w=iota -o mesh.weirx > out 2>&1 || fail "compile for a mesh"
grep -q '1 variable with values, for the 4 devices of data=2,model=2' out || fail "the mesh of a file is told"
"$weir" run one.weirx --input x=iota --json > expected 2> out || fail "run of a file"
"$weir" run mesh.weirx --input x=iota --json > got 2> out && cmp expected got > out || fail "a file for a mesh gives what one device gives"
"$run" mesh.weirx --input x=iota --json > got 2> out && cmp expected got > out || fail "weir-run on a mesh"
"$run" one.weirx --input x=iota --repeat 3 --json > expected 2> out || fail "three runs"
"$run" mesh.weirx --input x=iota --repeat 3 --json > got 2> out && cmp expected got > out || fail "variables go on on a mesh"
"$run" mesh.weirx --describe > out 2>&1 || fail "describe"
grep -q '^input x f32\[4, 6\]' out && grep -q '^variable w f32\[6, 5\]' out && grep -q 'for the mesh data=2,model=2: 4 devices' out || fail "whole types are told"
"$weir" compile step.mlir "${on_mesh[@]}" -o none.weirx > out 2>&1 && "$run" none.weirx > out 2>&1 && fail "a variable without value"
grep -q "'w'" out || fail "the variable without value is named"
"$weir" bench mesh.weirx > out 2>&1 && fail "bench is for one device"
grep -q 'is a program for 4 devices (data=2,model=2)' out || fail "the devices of a file are told"
"$weir" run mesh.weirx --mesh data=2 > out 2>&1 && fail "another mesh than the file's"
grep -q 'is compiled: --mesh is for weir compile' out || fail "the mesh of a file is fixed"
"$weir" compile step.mlir --mesh data=2 --device cuda -o no.weirx > out 2>&1 && fail "a mesh of GPUs in a file"
grep -q 'files for cuda are for one device' out || fail "why not for cuda"
"$weir" compile step.mlir --mesh data=2 --batch 1..4 -o no.weirx > out 2>&1 && fail "a range of batches on a mesh"
grep -q 'compile for a mesh with one batch' out || fail "why not a range"

# features: P19
"$weir" run model.mlir --mesh data=2,model=2 --shard 'w=[{},{model}]' --trace trace.json > out 2>&1 || fail "a trace"
grep -q 'of the time of runs is exposed communication' out || fail "exposed communication is told"
python3 -c 'import json; assert {e["pid"] for e in json.load(open("trace.json"))["traceEvents"]} == {0, 1, 2, 3}' > out 2>&1 || fail "all devices are in the trace"

"$weir" explain sharding gpt --mesh data=2,model=2 --limit 5000 > out 2>&1 || fail "explain sharding"
grep -q '^  tokens .*\[{data},{}\] *said' out && grep -q 'through dot at' out || fail "where shardings came from"
grep -qE 'because .* (takes|adds) ' out || fail "why there are collectives"
grep -q 'gone with .*: then .* us for all that is left' out || fail "an annotation removes the dearest"
"$weir" explain sharding gpt --mesh data=2 --max-implicit-bytes 1 > out 2>&1 && fail "a bound on what moves"
grep -q 'more than 1 that are allowed' out || fail "the bound is told"

"$weir" view gpt --mesh data=2,model=2 --json -o view.json 2> out || fail "a page of a mesh"
python3 - > out 2>&1 << 'P' || fail "the page has collectives and shardings"
import json
document = json.load(open('view.json'))
names = {document['strings'][node['n']] for node in document['graph']['nodes']}
assert {'all_reduce', 'all_gather'} <= names, sorted(names)
assert any(' [{data}' in text for text in document['strings'])
assert any(text.endswith('because dot takes [{},{}]') for text in document['strings'])
assert document['kernels']['nodes']
P

if command -v mpirun > /dev/null; then
  TMPDIR=$(mktemp -d /tmp/weir-mpi.XXXXXX) # short: names of sockets are made of it
  export TMPDIR
  launch() { on_this_host 200 "$@" > out 2>&1; }
  ranks() { launch -np 1 nice -n 19 "$weir" train gpt "${small[@]}" "$@" : -np 3 "$weir" train gpt "${small[@]}" "$@"; }
  ranks --mesh data=2,model=2 --out ranks || { grep -q "built without MPI" out || fail "ranks"; }
  [ -d ranks ] && same ranks
  [ "$(grep -c 'validation loss' out)" -le 2 ] || fail "one rank speaks"
  # A rank that ends makes mpirun kill the others; the slow one that speaks must have spoken by then.
  for _ in 1 2 3 4; do
    ranks --mesh data=2 --out ranks && fail "as many ranks as devices are needed"
    grep -qE 'has 2 devices, but there are 4 ranks|built without MPI' out || fail "both are told"
    ranks --out ranks && fail "ranks need a mesh"
    grep -qE 'there are 4 ranks; --mesh says how|built without MPI' out || fail "--mesh is told"
  done
  other=(--text gone "${small[@]:2}")
  for _ in 1 2 3; do
    launch -np 1 "$weir" train gpt "${small[@]}" --mesh data=2 : -np 1 "$weir" train gpt "${other[@]}" --mesh data=2 &&
      fail "a text that one rank lacks"
    grep -qE 'rank 1: .*gone|built without MPI' out || fail "what only one rank lacks is told"
  done
  "$weir" run one.weirx --input x=iota --json > expected 2> out || fail "run of a file"
  for program in mesh.weirx "step.mlir ${on_mesh[*]} --input w=iota"; do
    if launch -np 4 "$weir" run $program --input x=iota --json; then
      grep '^{' out | head -n 1 > first
      [ "$(grep -c '^{' out)" = 1 ] || fail "$program: the first rank speaks alone"
      case $program in *.weirx) cmp expected first || fail "$program: ranks give what one device gives" ;; esac
    else
      grep -q 'built without MPI' out || fail "$program: ranks run it"
    fi
  done
  launch -np 2 "$run" mesh.weirx && fail "weir-run is one process"
  grep -q 'weir-run has no MPI: ranks run a file for a mesh with weir run' out || fail "weir run is told"
  rm -rf "$TMPDIR"
else
  echo "skipped: no mpirun (Debian: openmpi-bin)"
fi
echo passed
