#!/bin/bash
# The conformance suite and faults under mpirun on this host, over shared memory and over TCP. usage: mpirun_test.sh RANKS
source distributed/comm/mpi/testing.sh
transport=()
run() { # COUNT SECONDS ARGUMENTS...
  on_this_host "$2" -np "$1" "${transport[@]}" "$ranks" "${@:3}" > "$TMPDIR/out" 2>&1
}

# features: C4
for n in 1 2 3 4; do
  run $n 120 conformance; expect "conformance, $n ranks" 0 "ok $n ranks"
done
run 4 120 conformance ring; expect "conformance, ring" 0 "ok 4 ranks"
transport=(--mca btl tcp,self)
run 3 120 conformance tree; expect "conformance over tcp, tree" 0 "ok 3 ranks"
transport=()

# features: C1
for rule in synchronous asynchronous bounded; do
  run 4 60 server $rule; expect "parameter server, $rule" 0 "ok 4 ranks"
done

# features: C7
run 3 30 hang
expect "a rank that does not come is named" any-error \
  "all_reduce 'grads' (train.cc:12) over ranks {0, 1, 2}" "rank 2 does not answer"
run 2 30 shape
expect "ranks that disagree" any-error "ranks disagree on the shape"
run 3 30 leave
expect "an error of one rank ends all" any-error "rank 0: DATA_LOSS: the disk is gone"
# features: C7
told_once() { # WHAT TEXT
  expect "$1" any-error "$2"
  [ "$(grep -c 'told:' "$TMPDIR/out")" -eq 1 ] || { echo "FAILED: $1: not told once"; cat "$TMPDIR/out"; failed=1; }
}
for _ in 1 2 3; do
  run 4 30 words all; told_once "what all ranks have to say rank 0 has told before any ends" "told: the disk is gone"
  run 4 30 words last; told_once "what only one rank has to say rank 0 tells" "told: rank 3: the disk is gone"
done
run 4 30 words busy; told_once "a rank that rank 0 does not hear tells it by itself" "told: rank 3: the disk is gone"

# features: C7
run 3 30 wait &
kill_one 3 $!
expect "a killed rank ends the job" any-error "exited on signal 9"
exit $failed
