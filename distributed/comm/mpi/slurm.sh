# Slurm with one node, this machine, to be sourced: daemons of our own with a configuration, state and ports of their own.
#   slurm_up            needs root; returns 1 with $slurm_problem where it cannot
#   on_slurm COUNT COMMAND...    srun with COUNT ranks
#   slurm_down

slurm_daemons=()
PATH=$PATH:/usr/sbin
slurm_up() {
  slurm_problem=""
  local program port=$((20000 + $$ % 20000))
  for program in slurmctld slurmd srun; do
    command -v $program >/dev/null || { slurm_problem="no $program (Debian: slurmctld, slurmd, slurm-client)"; return 1; }
  done
  [ "$(id -u)" -eq 0 ] || { slurm_problem="slurmd needs root"; return 1; }
  slurm_folder=$TMPDIR/slurm
  mkdir -p "$slurm_folder"/{state,spool}
  export SLURM_CONF=$slurm_folder/slurm.conf
  cat > "$SLURM_CONF" <<C
ClusterName=weir
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/none
CredType=cred/none
SlurmUser=root
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/linear
ReturnToService=2
KillWait=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP OverSubscribe=FORCE
C
  slurmctld -D > "$slurm_folder/slurmctld.log" 2>&1 &
  slurm_daemons+=($!)
  slurmd -D > "$slurm_folder/slurmd.log" 2>&1 &
  slurm_daemons+=($!)
  for _ in $(seq 100); do
    sinfo -h -o %T 2>/dev/null | grep -q idle && return 0
    sleep 0.1
  done
  slurm_problem="slurmd does not start: $(tail -1 "$slurm_folder/slurmd.log" "$slurm_folder/slurmctld.log" | tr '\n' ' ')"
  slurm_down
  return 1
}

slurm_down() {
  local pid
  for pid in "${slurm_daemons[@]}"; do kill "$pid" 2>/dev/null && wait "$pid"; done
  slurm_daemons=()
  return 0
}

on_slurm() { srun --quiet --input=none --mpi=pmix --overcommit -n "$1" "${@:2}"; }
