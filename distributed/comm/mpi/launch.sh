# mpirun on this host, as root too, to be sourced; several ranks may share a core.
#   on_this_host SECONDS ARGUMENTS...   mpirun's, killed after SECONDS: -np 2 PROGRAM
#   open_mpi_5                          0 where tools/setup --ulfm has put it at $WEIR_OPENMPI5; else sets $open_mpi_5_problem
#   on_open_mpi_5 SECONDS ARGUMENTS...  its mpirun, of ranks that may die
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

on_this_host() {
  timeout -k 5 "$1" mpirun --oversubscribe --bind-to none --mca plm isolated --mca oob_tcp_if_include lo \
    --mca btl_tcp_if_include lo --mca mpi_yield_when_idle 1 "${@:2}"
}

open_mpi_5() {
  open_mpi_5_problem="no Open MPI 5 (tools/setup --ulfm; WEIR_OPENMPI5 says where it is)"
  [ -x "${WEIR_OPENMPI5:-}/bin/mpirun" ]
}

on_open_mpi_5() {
  PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPAL_PREFIX=$WEIR_OPENMPI5 LD_LIBRARY_PATH=$WEIR_OPENMPI5/lib \
    timeout -k 5 "$1" "$WEIR_OPENMPI5/bin/mpirun" --with-ft ulfm --oversubscribe --bind-to none \
    --mca mpi_yield_when_idle 1 "${@:2}"
}
