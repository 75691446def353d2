# mpirun on this host, as root too, to be sourced; several ranks may share a core.
#   on_this_host SECONDS ARGUMENTS...   mpirun's, killed after SECONDS: -np 2 PROGRAM
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

on_this_host() {
  timeout -k 5 "$1" mpirun --oversubscribe --bind-to none --mca plm isolated --mca oob_tcp_if_include lo \
    --mca btl_tcp_if_include lo --mca mpi_yield_when_idle 1 "${@:2}"
}
