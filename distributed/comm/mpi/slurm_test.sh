#!/bin/bash
# The conformance suite and faults under Slurm, a cluster of one node that is started for it. usage: slurm_test.sh RANKS
source distributed/comm/mpi/testing.sh
source distributed/comm/mpi/slurm.sh
slurm_up || skip "$slurm_problem"
trap 'slurm_down; rm -rf "$TMPDIR"' EXIT
run() { # COUNT ARGUMENTS...
  on_slurm "$1" "$ranks" "${@:2}" > "$TMPDIR/out" 2>&1
}

# features: C4, C6
for n in 2 4; do
  run $n conformance; expect "conformance under Slurm, $n ranks" 0 "ok $n ranks on 1 nodes"
done

# features: C7
run 3 hang
expect "a rank that does not come is named" any-error "over ranks {0, 1, 2}" "rank 2 does not answer"
run 3 leave
expect "an error of one rank ends all" any-error "rank 0: DATA_LOSS: the disk is gone"
run 3 wait &
kill_one 3 $!
expect "a killed rank ends the job, and Slurm names it" any-error "srun: error: " "Killed"
exit $failed
