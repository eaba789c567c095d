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
    start = time.monotonic()
    result = subprocess.run([RUN, str(ranks), program, fault, str(timeout)], capture_output=True, text=True, timeout=60)
    return result, time.monotonic() - start


def main():
    if not shutil.which("mpirun"):
        print("skipped: mpirun is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        # A place of its own: no other test's processes are counted.
        folder = pathlib.Path(os.path.realpath(folder))
        (folder / "bin").mkdir()
        program = shutil.copy(PROBE, folder / "bin" / "probe")

        result, _ = job(program, "all", ranks=2)
        need(result.returncode == 6, "without the module:", result.returncode, result.stderr)
        need("this is one of 2 processes" in result.stderr and "libroberta_mpi.so" in result.stderr, result.stderr)

        shutil.copytree(pathlib.Path(PROBE).parent.parent / "lib", folder / "lib")
        for fault, code in (("kill", 137), ("throw", 7), ("abort", 6)):
            result, seconds = job(program, fault)
            need(result.returncode == code, fault, "exit", result.returncode, result.stdout, result.stderr)
            need(seconds < 5, fault, "took", seconds, "s")
            need(not processes(program), fault, "left processes behind")
        result, seconds = job(program, "stop", timeout=2)
        need(result.returncode == 1, "stop: exit", result.returncode, result.stderr)
        need("of 3: all_reduce number 21 (16000000 bytes): no answer for 2 s" in result.stderr, result.stderr)
        need(seconds < 2 + 10, "stop took", seconds, "s")  # mpirun ends a stopped process by SIGKILL, after a while
        need(not processes(program), "stop left processes behind")
    print("mpi_faults: kill, throw, abort and stop ended the job in time")


main()
