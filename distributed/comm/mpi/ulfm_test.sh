#!/bin/bash
# Ranks that go on where others died, with Open MPI 5; the binary is the one of Open MPI 4. usage: ulfm_test.sh RANKS
source distributed/comm/mpi/testing.sh
open_mpi_5 || skip "$open_mpi_5_problem"
out=$TMPDIR/out
run() { # COUNT SECONDS ARGUMENTS...
  on_open_mpi_5 "$2" -np "$1" "$ranks" "${@:3}" > "$out" 2>&1
}
await() { # TEXT
  for _ in $(seq 300); do
    grep -qF -- "$1" "$out" && return
    sleep 0.1
  done
  echo "FAILED: not said in time: $1"; failed=1
}
kill_rank() { kill -9 "$(sed -n "s/^rank $1 pid //p" "$out")"; }

# features: C4
run 4 120 conformance; expect "conformance, 4 ranks of Open MPI 5" 0 "ok 4 ranks"

# features: C6
survive() { # DIES...
  run 4 60 survive &
  local job=$! left=4 rank
  for rank in 0 1 2 3; do await "rank $rank pid"; done
  for rank in "$@"; do
    kill_rank "$rank"
    await "rank $rank died, $((--left)) go on"
  done
  wait $job
  expect "ranks $* die, the others go on" 0 "ok 2 ranks"
}
survive 1 0
survive 0 3
survive 3 2

on_this_host 30 -np 2 "$ranks" survive > "$out" 2>&1
expect "another MPI says what it lacks" any-error "ends all ranks when one dies; Open MPI 5 can go on"
exit $failed
