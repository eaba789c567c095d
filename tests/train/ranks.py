#!/usr/bin/env python3
"""Pretraining by several processes: 2 ranks against 1, repeats, resumes with another number of ranks; a rank that is killed or
stops. Exit code 77 where mpirun is not installed.

    ranks.py ROBERTA RUN_MPI
"""
import os
import pathlib
import signal
import sys
import tempfile
import time

from small_run import SmallRun, fast_place, losses, mpirun_words, need, need_same, result_of, steps_saved

PROGRAM, RUN_MPI = sys.argv[1:3]
STEPS = 60


def worst(one, other):
    need(one.keys() == other.keys() and len(one) == STEPS, "not the same steps are logged")
    return max(abs(one[step] - other[step]) / one[step] for step in one)


def equal_runs(run):
    alone, pair, again, three = (run.work / name for name in ("alone", "pair", "again", "three"))
    run.finish(alone)
    run.finish(pair, ranks=2)
    run.finish(again, ranks=2, threads=2)
    need_same(result_of(again), result_of(pair), "2 ranks, a second time:")
    run.finish(three, ranks=3)
    found = worst(losses(alone), losses(pair)), worst(losses(alone), losses(three))
    need(max(found) <= 1e-5, "losses of 2 and 3 ranks differ from those of 1 by", found)

    # 2 ranks for a while, then 1, then 3.
    mixed = run.work / "mixed"
    run.finish(mixed, "--stop-after", 17, ranks=2)
    run.finish(mixed, "--stop-after", 41)
    run.finish(mixed, ranks=3)
    found = *found, worst(losses(alone), losses(mixed))
    need(found[-1] <= 1e-5, "losses of 2, then 1, then 3 ranks differ by", found[-1])
    print("ranks: losses against 1 rank: of 2 ranks within %.1e, of 3 %.1e, of changing numbers %.1e" % found)


def rank_processes(output):
    """Ids of the program's processes with that output, by rank."""
    ranks = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[0] == PROGRAM.encode() and str(output).encode() in words:
                variables = dict(v.split(b"=", 1) for v in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in v)
                ranks[int(variables[b"OMPI_COMM_WORLD_RANK"])] = int(pid)
        except (OSError, KeyError, IndexError):
            pass
    return ranks


def faulty_rank(run, number, rank, limit, *words):
    """That signal to that rank once there is a checkpoint; the job must end within `limit` seconds, and go on later."""
    output = run.work / f"signal-{number}-{rank}"
    job = run.start(output, "--dist-timeout", 2, ranks=2)
    while not (output.is_dir() and steps_saved(output)):
        need(job.poll() is None, "ended before the fault")
        time.sleep(0.01)
    process = rank_processes(output)[rank]
    os.kill(process, number)
    start = time.monotonic()
    error = job.communicate(timeout=60)[1]
    # On a machine with more work than cores, everything takes longer by that.
    seconds = (time.monotonic() - start) / max(1, os.getloadavg()[0] / os.cpu_count())
    need(job.returncode != 0, "signal", number, ": exit 0")
    need(seconds < limit, "signal", number, "to rank", rank, ": the job ended after", seconds, "s")
    need(not rank_processes(output), "processes are left")
    for word in words:
        need(word in error, word, "is not in", error)
    run.finish(output, ranks=2)
    need_same(result_of(output), result_of(run.work / "pair"), f"after signal {number} to rank {rank}:")
    return seconds


def main():
    mpirun = mpirun_words(RUN_MPI)
    if not mpirun:
        print("skipped: mpirun is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(dir=fast_place()) as folder:
        run = SmallRun(PROGRAM, folder, STEPS, mpirun)
        equal_runs(run)
        times = [faulty_rank(run, signal.SIGKILL, rank, 5) for rank in (0, 1)]
        times.append(faulty_rank(run, signal.SIGSTOP, 1, 2 + 10, "rank 0 of 2: ", "no answer for 2 s"))  # in whichever collective
        print("ranks: killed, killed and stopped: ended after %.1f, %.1f and %.1f s, and went on to the same end" % tuple(times))


main()
