#!/bin/bash
# The levels of IR alone: stopped at, started from, dumped; the way in steps ends at the same bytes.
# features: F5
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out; exit 1; }

for model in mlp lstm-eval; do
  mkdir -p whole steps
  "$weir" compile $model -o whole/$model.weirx --dump-to dump > out 2>&1 || fail "compile $model"
  from=source
  last=$model
  for level in graph sharded kernels; do
    mkdir -p $level
    "$weir" compile $last --from $from --to $level -o $level/$model.mlir > out 2>&1 || fail "$model to $level"
    from=$level
    last=$level/$model.mlir
  done
  "$weir" compile $last --from kernels -o steps/$model.weirx > out 2>&1 || fail "$model from kernels"
  cmp whole/$model.weirx steps/$model.weirx > out || fail "$model in steps is another executable"
  [ "$(ls dump | grep -c '^[0-9][0-9]-.*\.mlir$')" -ge 10 ] || fail "a file for each pass"
  "$weir" inspect whole/$model.weirx > out 2>&1 || fail "inspect $model.weirx"
  tail -n +2 out | diff dump/schedule.txt - > diff || { cat diff; fail "the dumped schedule is the file's"; }
  grep -q '^launch .*arena.* FLOPs, .* bytes  # .*\.cc:[0-9]' out || fail "launches with their lines"
  rm -r dump
done

"$weir" compile mlp --to graph -o - > out 2>&1 && grep -q 'func.func @main' out || fail "printed"
refused() { # MESSAGE COMMAND...
  local message=$1; shift
  "$weir" "$@" > out 2>&1 && fail "weir $* was accepted"
  grep -q "$message" out || fail "weir $* does not say: $message"
}
refused 'to graph comes before --from kernels' compile kernels/mlp.mlir --from kernels --to graph -o x.mlir
refused 'graph/mlp.mlir\|has no memory plan\|outside a kernel\|without' compile graph/mlp.mlir --from kernels -o x.weirx
refused 'cannot make the folder' compile mlp --dump-to /dev/null/here -o x.weirx
refused 'is compiled' compile whole/mlp.weirx --from kernels -o x.weirx
[ ! -e x.weirx ] || fail "a refusal leaves no file"
echo "levels: all as they should be"
