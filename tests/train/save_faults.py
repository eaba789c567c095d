#!/usr/bin/env python3
"""Every call of one save that changes the file system goes wrong once, in every way; whatever happens, the checkpoints of
before are intact, and the next start finds a sound one and leaves nothing behind. Also a disk of 64 MB, where root may mount one.

    save_faults.py PROBE SHIM
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROBE, SHIM = sys.argv[1:3]
ELEMENTS = 1000
CHECKPOINTS = "checkpoint-*"


def probe(*words, **env):
    return subprocess.run([PROBE, *map(str, words)], env={**os.environ, **env}, capture_output=True, text=True)


def shimmed(output, count_file=None, call=None, how=None):
    env = {"LD_PRELOAD": SHIM}
    if count_file:
        env["FAIL_COUNT"] = str(count_file)
    if call:
        env.update(FAIL_CALL=str(call), FAIL_HOW=how)
    return probe("save", output, 3, ELEMENTS, **env)


def need(good, *what):
    if not good:
        sys.exit("save_faults: " + " ".join(map(str, what)))


def snapshot(directory):
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def temporaries(output):
    return [entry.name for entry in output.iterdir() if ".tmp-" in entry.name]


def one(template, work, call, how, second):
    """A save of step 3 beside the checkpoints 1 and 2, of which 1 is to be pruned."""
    output = work / "run"
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(template, output)
    result = shimmed(output, call=call, how=how)
    where = f"call {call}, {how}: exit {result.returncode}, {result.stderr}"
    need(snapshot(output / "checkpoint-2") == second, where, "checkpoint-2 changed")
    need(len([name for name in temporaries(output) if name.startswith(".checkpoint")]) <= 1, where, temporaries(output))
    if how == "kill":
        need(result.returncode == -9, where)
    elif how in ("EINTR", "short"):
        need(result.returncode == 0, where)
    elif result.returncode == 6:
        need(str(output) in result.stderr, where, "the path is not named")
        need(how != "ENOSPC" or "bytes are free" in result.stderr, where, "free bytes are not named")
    else:  # what can't be removed or let go is no failure of the save
        need(result.returncode == 0 and (output / "checkpoint-3").is_dir(), where)
    after = probe("check", output)
    need(after.returncode == 0, where, "then", after.stderr)
    step = json.loads(after.stdout)["step"]
    need(step == 3 or (step == 2 and result.returncode != 0), where, "then step", step)
    need(not temporaries(output), where, "left behind:", temporaries(output))
    return result.returncode


def every_call(work):
    template = work / "template"
    for step in (1, 2):
        need(probe("save", template, step, ELEMENTS).returncode == 0, "no save without faults")
    second = snapshot(template / "checkpoint-2")
    trial = work / "trial"
    shutil.copytree(template, trial)
    need(shimmed(trial, count_file=work / "calls").returncode == 0, "no save with the shim")
    calls = int((work / "calls").read_text())
    need(calls > 30, "only", calls, "calls were seen")
    need(sorted(path.name for path in trial.glob(CHECKPOINTS)) == ["checkpoint-2", "checkpoint-3"], "not pruned")
    failed = 0
    for how in ("EIO", "ENOSPC", "EINTR", "short", "kill"):
        for call in range(1, calls + 1):
            failed += one(template, work, call, how, second) == 6
    need(failed > calls, "only", failed, "faults made a save fail")
    print(f"save_faults: {calls} calls, 5 ways each; {failed} saves failed, none harmed the checkpoint before")


def small_disk(work):
    disk = work / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        print("save_faults: skipped the disk of 64 MB: it can't be mounted here")
        return
    try:
        output = disk / "run"
        million = 1_000_000  # 12 MB of checkpoint
        for step in (1, 2):
            need(probe("save", output, step, million).returncode == 0, "12 MB don't fit on 64 MB")
        (disk / "filler").write_bytes(bytes(28 << 20))
        refused = probe("save", output, 3, million)  # told beforehand
        need(refused.returncode == 6 and "bytes are free" in refused.stderr and str(output) in refused.stderr, refused)
        need(json.loads(probe("check", output).stdout)["step"] == 2, "the checkpoint before is gone")
        (disk / "filler").unlink()
        for step in (3, 4, 5):
            need(probe("save", output, step, million).returncode == 0, "no save after room was made")
        need(sorted(path.name for path in output.glob(CHECKPOINTS)) == ["checkpoint-4", "checkpoint-5"], "not pruned")
        print("save_faults: the full disk was told, and the run went on when there was room")
    finally:
        subprocess.run(["umount", disk], check=True)


def main():
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # there an fsync takes no time
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        every_call(pathlib.Path(folder))
        small_disk(pathlib.Path(folder))


main()
