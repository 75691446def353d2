# To be sourced. fails CODE PATTERN COMMAND...: the command exits with CODE, and says PATTERN.
fails() {
  local code=$1 pattern=$2 status=0
  shift 2
  "$@" > out 2>&1 || status=$?
  [ "$status" = "$code" ] || { echo "exit status $status, not $code: $*"; cat out; exit 1; }
  grep -q -- "$pattern" out || { echo "no '$pattern' in:"; cat out; exit 1; }
}
