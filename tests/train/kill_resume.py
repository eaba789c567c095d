#!/usr/bin/env python3
"""Pretraining is killed (SIGKILL) at random moments and started again, with another number of threads each time, until it is
through: weights, moments and log come to those of an unbroken run, to the bit; in fp32 and in bf16. Then SIGTERM and SIGINT:
they save and exit with 143 and 130, and the run goes on from there. Then a second writer of the same output.

    kill_resume.py ROBERTA [KILLS]
"""
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

from small_run import SmallRun, fast_place, log_rows, need, need_same, result_of, steps_saved, temporaries

PROGRAM = sys.argv[1]
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
SAVE_STEPS = 10


def kill(process, output, usual, chance, late):
    """Anywhere in the run, its start included; `late`: soon after its next checkpoint, so that there is one to go on from."""
    before = steps_saved(output)
    while late and process.poll() is None and steps_saved(output) == before:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.1 * usual) if late else chance.uniform(0.02, 0.8 * usual))
    process.kill()


def killed_runs(run, kills, dtype, chance):
    whole = run.work / f"whole-{dtype}"
    start = time.monotonic()
    run.finish(whole, "--dtype", dtype, threads=2)
    usual = time.monotonic() - start
    expected = result_of(whole)
    output = run.work / f"killed-{dtype}"
    done = finished = 0
    seen = set()
    while done < kills or not finished:
        process = run.start(output, "--dtype", dtype, threads=chance.choice((1, 2, 3)))
        if done < kills:
            kill(process, output, usual, chance, late=done % 2 == 0)
        error = process.communicate()[1]
        if process.returncode == 0:
            need_same(result_of(output), expected, dtype, "against the unbroken run:")
            need(not temporaries(output), "left behind:", temporaries(output))
            shutil.rmtree(output)
            finished += 1
            continue
        need(process.returncode == -signal.SIGKILL, "exit", process.returncode, error)
        done += 1
        if not output.is_dir():
            continue
        need(len(temporaries(output)) <= 2, temporaries(output))  # a save's, and at its end that of `latest`
        saved = max(steps_saved(output), default=0)
        logged = max((row["step"] for row in log_rows(output)), default=0) if (output / "log.jsonl").exists() else 0
        need(saved >= logged - SAVE_STEPS, "lost steps", saved, "to", logged)
        seen.add(saved)
    need(any(seen), "no run went on from a checkpoint")
    print(f"kill_resume: {dtype}: {done} kills, {finished} runs to the end, newest checkpoints met: {sorted(seen)}")
    return expected


def signalled_runs(run, expected):
    output = run.work / "signalled"
    for number in (signal.SIGTERM, signal.SIGINT):
        process = run.start(output, "--stop-after", run.steps, threads=2)
        before = max(steps_saved(output), default=0) if output.is_dir() else 0
        while not (output.is_dir() and max(steps_saved(output), default=0) > before):
            need(process.poll() is None, "ended before the signal", process.returncode)
            time.sleep(0.01)
        start = time.monotonic()
        process.send_signal(number)
        error = process.communicate()[1]
        need(process.returncode == 128 + number, number, "exit", process.returncode, error)
        need(time.monotonic() - start < 30, number, "took", time.monotonic() - start, "s")
        saved = max(steps_saved(output))
        need(saved == max(row["step"] for row in log_rows(output)), "saved", saved, "but logged more")
    run.finish(output)
    need_same(result_of(output), expected, "after signals:")
    print("kill_resume: SIGTERM and SIGINT saved and ended the run; it went on to the same end")


def second_writer(run):
    output = run.work / "shared"
    first = run.start(output, threads=1)
    while not (output / ".lock").exists():
        need(first.poll() is None, "ended", first.returncode)
        time.sleep(0.002)
    first.send_signal(signal.SIGSTOP)  # so that it is still there
    second = run.start(output)
    error = second.communicate(timeout=30)[1]
    first.send_signal(signal.SIGCONT)
    need(second.returncode == 6 and f"process {first.pid} on" in error, "second writer: exit", second.returncode, error)
    first.kill()
    first.communicate()
    print("kill_resume: a second writer was refused")


def main():
    with tempfile.TemporaryDirectory(dir=fast_place()) as folder:
        run = SmallRun(PROGRAM, pathlib.Path(folder))
        chance = random.Random(KILLS)
        killed_runs(run, (KILLS + 1) // 2, "bfloat16", chance)
        expected = killed_runs(run, KILLS, "float32", chance)
        signalled_runs(run, expected)
        second_writer(run)


main()
