# For tests that run programs under mpirun; to be sourced with the program as $1.
#   skip REASON                     ends the test, with a line for the summary of tests
#   expect WHAT STATUS TEXT...      of the last command: its status (or any-error) and what it must have printed
set -uo pipefail
source distributed/comm/mpi/launch.sh
ranks=$PWD/$1
failed=0

skip() {
  echo "skipped: $1"
  [ -z "${XML_OUTPUT_FILE:-}" ] ||
    printf '<testsuites><testsuite name="mpi" tests="1" skipped="1"><testcase name="mpi" classname="mpi"><skipped message="%s"/></testcase></testsuite></testsuites>\n' "$1" > "$XML_OUTPUT_FILE"
  exit 0
}

command -v mpirun >/dev/null || skip "no mpirun (Debian: openmpi-bin)"
TMPDIR=$(mktemp -d /tmp/weir-mpi.XXXXXX) # short: names of sockets are made of it
export TMPDIR HOME=$TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
"$ranks" none > "$TMPDIR/out" 2>&1
[ $? -ne 77 ] || skip "built without MPI"

expect() {
  local status=$? problem=""
  if [ "$2" = any-error ]; then
    [ $status -ne 0 ] && [ $status -ne 124 ] || problem="status $status"
  else
    [ $status -eq "$2" ] || problem="status $status, expected $2"
  fi
  for text in "${@:3}"; do grep -qF -- "$text" "$TMPDIR/out" || problem+=" without: $text"; done
  if [ -n "$problem" ]; then
    echo "FAILED: $1: $problem"
    cat "$TMPDIR/out"
    failed=1
  else
    echo "passed: $1"
  fi
}

# Waits for COUNT ranks to say their process ids, kills the last with signal 9 and waits for the job $2.
kill_one() { # COUNT JOB
  local began
  for _ in $(seq 100); do
    [ "$(grep -c '^pid' "$TMPDIR/out" 2>/dev/null)" = "$1" ] && break
    sleep 0.1
  done
  began=$(date +%s)
  kill -9 "$(sed -n 's/^pid //p' "$TMPDIR/out" | tail -1)"
  wait "$2"
  local status=$?
  [ $(($(date +%s) - began)) -le 15 ] || { echo "FAILED: the job went on for more than 15 s"; failed=1; }
  return $status
}
