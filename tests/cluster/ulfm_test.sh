#!/bin/bash
# `weir train --on-failure=shrink` under Open MPI 5: ranks are killed in the middle, the others go on on a smaller mesh from the last
# checkpoint, in the same job, and come to the loss of a run that nothing happened to. usage: ulfm_test.sh WEIR
source distributed/comm/mpi/testing.sh
open_mpi_5 || skip "$open_mpi_5_problem"
weir=$ranks
cd "$TMPDIR"
source "$OLDPWD/tests/cluster/training.sh"

launch() { on_open_mpi_5 200 -np "$@"; }
died() { grep -qF "$1" out; } # TEXT

# Kills RANKS one after the other, each when a checkpoint was written after the one before. The meshes are those that must follow.
goes_on() { # FOLDER MESH "RANK MESH"...
  local folder=$1 job began loss
  ranks 4 --mesh "$2" --out "$folder" --checkpoint-every 1 --on-failure shrink &
  job=$!
  for loss in "${@:3}"; do
    await $job test -s "$folder/checkpoint.safetensors" || failed "$folder: no checkpoint in time"
    began=$(date +%s)
    kill_rank 9 "${loss% *}" || failed "$folder: rank ${loss% *} is gone before it is killed"
    await $job died "rank ${loss% *} died; going on as --mesh ${loss#* } from step " || failed "$folder: who died, and how it goes on"
    echo "$folder: on ${loss#* } after $(($(date +%s) - began)) s: $(grep -F "rank ${loss% *} died" out)"
  done
  wait $job || failed "$folder: the job does not end well"
  same "$folder: the others go on" "$folder"
}

"$weir" "${model[@]}" --out one > out 2>&1 || failed "one device"

# features: C6
goes_on uneven data=4 "2 data=3" "0 data=2"
goes_on halves data=2,model=2 "1 data=1,model=2"
goes_on replaced data=2,model=2 "3 data=1,model=2" "0 data=1,model=2"

# What another run left is no checkpoint of this one.
mkdir fresh
cp uneven/checkpoint.safetensors fresh/
ranks 4 --mesh data=4 --out fresh --checkpoint-every 0 --on-failure shrink &
job=$!
await $job grep -qF "characters" out # MPI is up on all
kill_rank 9 3
wait $job || failed "a rank dies before the first checkpoint"
grep -qF "rank 3 died; going on as --mesh data=3 from step 0" out || failed "it begins anew"
same "a rank dies before the first checkpoint" fresh

ranks 2 --mesh data=1,model=2 --out few --checkpoint-every 1 --on-failure shrink &
job=$!
await $job test -s few/checkpoint.safetensors
kill_rank 9 0
wait $job
expect "too few ranks are left" any-error "1 rank is left, but --mesh data=1,model=2 needs 2 for data=1"

ranks 2 --mesh model=2 --out refused --on-failure shrink
expect "a mesh that cannot shrink is refused" any-error "--on-failure=shrink shrinks the axis data, which --mesh model=2 lacks"
launch() { on_this_host 60 -np "$@"; }
ranks 2 --mesh data=2 --out refused --on-failure shrink
expect "an MPI that ends all ranks is refused" any-error "ends all ranks when one dies; Open MPI 5 can go on"
"$weir" "${model[@]}" --mesh data=2 --out refused --on-failure shrink > out 2>&1
expect "threads do not die alone" any-error "--on-failure=shrink is for ranks that mpirun starts"
exit $failed
