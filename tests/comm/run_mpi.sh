#!/bin/sh
# run_mpi.sh PROCESSES PROGRAM [ARGUMENT...]: by Open MPI on this machine. Exit code 77 (skipped) where there is no mpirun.
command -v mpirun >/dev/null 2>&1 || { echo "skipped: mpirun is not installed"; exit 77; }
processes=$1
shift
# More processes than cores, and root in containers, are what tests meet.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
exec mpirun --oversubscribe --bind-to none -n "$processes" "$@"
