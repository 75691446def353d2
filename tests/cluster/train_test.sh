#!/bin/bash
# `weir train` under mpirun: four ranks learn what one device learns; ranks that are killed, that hang or that are stopped
# in the middle of a checkpoint lose nothing, and fewer ranks go on. Then on four hosts, which are network namespaces, and under Slurm.
# usage: train_test.sh WEIR
source distributed/comm/mpi/testing.sh
source distributed/comm/mpi/hosts.sh
source distributed/comm/mpi/slurm.sh
weir=$ranks
cd "$TMPDIR"
source "$OLDPWD/tests/cluster/training.sh"

on_one_host() { on_this_host 120 -np "$@"; } # COUNT COMMAND...
on_namespaces() { on_hosts "$1" 1 "${@:2}"; }
launch=on_one_host
launch() { $launch "$@"; }

"$weir" "${model[@]}" --out one > out 2>&1 || failed "one device"

learns_the_same() {
  ranks 4 --mesh data=2,model=2 --out $launch-ranks || failed "four ranks"
  same "$launch: four ranks learn what one device learns" $launch-ranks
  "$weir" "${model[@]}" --mesh data=2,model=2 --out $launch-threads > out 2>&1 || failed "threads"
  cmp <(python3 -c "$losses" $launch-ranks) <(python3 -c "$losses" $launch-threads) > out || failed "$launch: ranks and threads differ"
}
# Bits of all losses.
losses='
import json, struct, sys
data = open(sys.argv[1] + "/checkpoint.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
begin, end = json.loads(data[8:8 + size])["training.losses"]["data_offsets"]
print(data[8 + size:][begin:end].hex(), end - begin)'

# The job ends soon after a rank is killed and says which; two ranks go on from the last checkpoint on another mesh.
survives_a_killed_rank() {
  local folder=$launch-killed job began
  ranks 4 --mesh data=2,model=2 --out $folder --checkpoint-every 1 &
  job=$!
  await $job test -s $folder/checkpoint.safetensors || failed "no checkpoint in time"
  began=$(date +%s)
  kill_rank 9 2 || failed "rank 2 is gone before it is killed"
  wait $job && failed "$launch: the job went well without a rank"
  [ $(($(date +%s) - began)) -le 15 ] || failed "$launch: the job went on for more than 15 s"
  grep -qE 'rank 2 .*exited on signal 9|task 2: Killed' out || failed "$launch: the killed rank is not named"
  ranks 2 --mesh data=2 --out $folder --resume || failed "two ranks go on"
  same "$launch: two ranks go on where four were killed" $folder
}

# features: P20, C6
learns_the_same
survives_a_killed_rank

ranks 2 --out one
expect "ranks without a mesh are refused" any-error "there are 2 ranks; --mesh says how they share the work, as in --mesh data=2"

# Whatever a rank is at when it is killed, in a checkpoint among others: what is there is whole, and it goes on.
for round in 1 2 3; do
  resume=()
  [ -s often/checkpoint.safetensors ] && resume=(--resume)
  ranks 4 --mesh data=4 --out often --checkpoint-every 1 "${resume[@]}" &
  job=$!
  await $job test -s often/checkpoint.safetensors
  sleep 0.$((RANDOM % 9 + 1))
  kill_rank 9 $((RANDOM % 4)) 2>/dev/null
  wait $job
done
ranks 2 --mesh model=2 --out often --resume || failed "a job that was killed often goes on"
same "killed three times in the middle of anything" often

# What a crash leaves beside a checkpoint is no harm; a damaged one is refused by all ranks.
# features: C6
head -c 1000 often/checkpoint.safetensors > often/checkpoint.safetensors.partial
cp one/checkpoint.safetensors often/
ranks 2 --mesh data=2 --out often --resume
expect "half a checkpoint is beside it" 0
head -c 1000 one/checkpoint.safetensors > often/checkpoint.safetensors
ranks 2 --mesh data=2 --out often --resume
expect "a truncated checkpoint is refused" any-error "often/checkpoint.safetensors: truncated"

# A rank that stands still is named, with what the others wait in; when it comes back nothing was lost.
# features: C7
ranks 4 --mesh data=2,model=2 --out hang --checkpoint-every 1 &
job=$!
await $job test -s hang/checkpoint.safetensors
kill_rank STOP 3
await $job grep -q 'rank 3 does not answer' out || failed "a rank that stands still is not reported"
grep -qE "rank [0-2] has waited [0-9.]+ s in [a-z_]+ ('.*' \\(.*\.cc:[0-9]+\\)|'(writing a checkpoint|whether to stop)') over ranks .*, for rank" out || failed "what the others wait in"
kill_rank CONT 3
wait $job || failed "a rank that comes back"
same "a rank stood still for a while" hang
rm -r hang
ranks 3 --mesh data=3 --out hang --checkpoint-every 1 --patience 8 &
job=$!
await $job test -s hang/checkpoint.safetensors
kill_rank STOP 1
wait $job && failed "a job went well without a rank"
grep -q 'rank 1 does not answer' out && ! grep -q 'timeout' out || failed "giving up names the rank"
echo "passed: ranks give up on one that does not come"

# Told to stop, all ranks stop after the same step.
ranks 4 --mesh data=2,model=2 --out stopped --checkpoint-every 1 &
job=$!
await $job test -s stopped/checkpoint.safetensors
kill_rank TERM 1
wait $job
expect "stopping one rank stops all after a step" any-error "interrupted; go on with the same flags and --resume"
ranks 4 --mesh data=2,model=2 --out stopped --resume || failed "going on after a stop"
same "stopped and gone on" stopped

# features: P19
ranks 4 --mesh data=2,model=2 --out traced --profile || failed "profile"
grep -qE 'communication [0-9.]+ % of the time of runs is exposed communication .*, of device [0-3]\)' out || failed "exposed communication is told"
python3 -c '
import json
events = json.load(open("traced/trace.json"))["traceEvents"]
assert {e["pid"] for e in events} == {0, 1, 2, 3}, "all ranks"
assert sum(e["ph"] == "b" for e in events) == sum(e["ph"] == "e" for e in events) > 0, "collectives"' > out 2>&1 || failed "a trace of all ranks"

# features: C6, P20
trap 'hosts_down; slurm_down; rm -rf "$TMPDIR"' EXIT
on_others() { # LAUNCH
  launch=$1
  learns_the_same
  survives_a_killed_rank
}
if hosts_up 4; then on_others on_namespaces; else echo "skipped: four hosts: $hosts_problem"; fi
if slurm_up; then on_others on_slurm; else echo "skipped: Slurm: $slurm_problem"; fi
exit $failed
