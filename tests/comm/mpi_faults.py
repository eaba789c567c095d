#!/usr/bin/env python3
"""A process of several dies, hangs or gives up in the middle of sums: the job ends in time, with the exit code and the words
that name rank and collective, and leaves no process behind. Exit code 77 where mpirun is not installed.

    mpi_faults.py RUN_MPI PROBE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

RUN, PROBE = sys.argv[1:3]


def need(good, *what):
    if not good:
        sys.exit("mpi_faults: " + " ".join(map(str, what)))


def processes(program):
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and runs(pid, program)]


def runs(pid, program):
    try:
        return os.readlink(f"/proc/{pid}/exe") == program and open(f"/proc/{pid}/stat").read().split()[2] != "Z"
    except OSError:
        return False


def job(program, fault, ranks=3, timeout=60):
    """Exit code, standard error, seconds from the fault to the end."""
    process = subprocess.Popen([RUN, str(ranks), program, fault, str(timeout)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    start = time.monotonic()
    for line in process.stdout:
        if line == "now\n":
            start = time.monotonic()
    error = process.communicate(timeout=60)[1]
    # On a machine with more work than cores, everything takes longer by that.
    return process.returncode, error, (time.monotonic() - start) / max(1, os.getloadavg()[0] / os.cpu_count())


def main():
    if not shutil.which("mpirun"):
        print("skipped: mpirun is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        # A place of its own: no other test's processes are counted.
        folder = pathlib.Path(os.path.realpath(folder))
        (folder / "bin").mkdir()
        program = shutil.copy(PROBE, folder / "bin" / "probe")

        found, error, _ = job(program, "all", ranks=2)
        need(found == 6, "without the module:", found, error)
        need("this is one of 2 processes" in error and "libroberta_mpi.so" in error, error)

        shutil.copytree(pathlib.Path(PROBE).parent.parent / "lib", folder / "lib")
        for fault, code in (("kill", 137), ("throw", 7), ("abort", 6)):
            found, error, seconds = job(program, fault)
            need(found == code, fault, "exit", found, error)
            need(seconds < 5, fault, "took", seconds, "s")
            need(not processes(program), fault, "left processes behind")
        found, error, seconds = job(program, "stop", timeout=2)
        need(found == 1, "stop: exit", found, error)
        need("of 3: all_reduce number 21 (16000000 bytes): no answer for 2 s" in error, error)
        need(seconds < 2 + 10, "stop took", seconds, "s")  # mpirun ends a stopped process by SIGKILL, after a while
        need(not processes(program), "stop left processes behind")
    print("mpi_faults: kill, throw, abort and stop ended the job in time")


main()
