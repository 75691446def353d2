# Training a small GPT on ranks, to be sourced in an empty folder, with the program in $weir and a function `launch COUNT COMMAND...`.
python3 -c '
import random
random.seed(1)
print("".join(random.choice("the quick brown fox jumps over the lazy dog. ").strip() or " " for _ in range(6000)))' > text
model=(train gpt --text text --layers 1 --heads 4 --features 16 --context 8 --batch 4 --sample 0 --quiet --evaluate-every 0 --steps 60)

# Ranks say their process ids in pid.RANK.
cat > rank.sh <<'S'
#!/bin/bash
cd "$(dirname "$0")"
echo $$ > pid.${OMPI_COMM_WORLD_RANK:-$SLURM_PROCID}
exec "$@"
S
chmod +x rank.sh
ranks() { # COUNT ARGUMENTS...
  rm -f pid.*
  launch "$1" "$PWD/rank.sh" "$weir" "${model[@]}" "${@:2}" > out 2>&1
}
number() { python3 -c "import json; print(json.load(open('$1/summary.json'))['$2'])"; }
failed() { echo "FAILED: $1"; cat out; failed=1; }
same() { # WHAT FOLDER
  local a b
  for key in training_loss validation_loss; do
    a=$(number one $key) b=$(number "$2" $key)
    python3 -c "import sys; sys.exit(not abs($a - $b) <= 1e-5)" || { failed "$1: $key is $b, not $a"; return; }
  done
  echo "passed: $1"
}
# Waits until COMMAND succeeds; fails after 60 s, or when job $1 is over.
await() { # JOB COMMAND...
  for _ in $(seq 1200); do
    "${@:2}" && return 0
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
kill_rank() { kill "-$1" "$(cat "pid.$2")"; }
