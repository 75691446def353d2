#!/bin/bash
# The same on several hosts, which are network namespaces: between them only TCP. usage: hosts_test.sh RANKS
source distributed/comm/mpi/testing.sh
source distributed/comm/mpi/hosts.sh
trap 'hosts_down; rm -rf "$TMPDIR"' EXIT
hosts_up 4 || skip "$hosts_problem"
run() { # HOSTS EACH ARGUMENTS...
  on_hosts "$1" "$2" "$ranks" "${@:3}" > "$TMPDIR/out" 2>&1
}

# features: C3, C4
run 4 1 conformance; expect "conformance on 4 hosts" 0 "ok 4 ranks on 4 nodes"
run 2 2 conformance hierarchical; expect "conformance on 2 hosts of 2, hierarchical" 0 "ok 4 ranks on 2 nodes"
run 2 2 bytes hierarchical
expect "hierarchical sends the least between nodes" 0 "all_reduce hierarchical: 8388608 bytes between nodes"
run 2 2 bytes direct
expect "direct sends each piece to each rank" 0 "all_reduce direct: 16777216 bytes between nodes"

# features: C7
run 3 1 wait &
kill_one 3 $!
expect "a killed rank ends the job" any-error "exited on signal 9"
exit $failed
