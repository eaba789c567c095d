"""A run of `roberta pretrain` small enough for a second, and what its output comes to. For the scripts beside this one."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys

TIMES = ("tokens_per_s", "peak_fraction", "seconds", "validation_seconds")  # of the log: all that may differ


def fast_place():
    """Memory where there is such a file system: an fsync takes no time there. None: where temporary files usually lie."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def need(good, *what):
    if not good:
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: " + " ".join(map(str, what)))


class SmallRun:
    """Corpus and command line. `mpirun`: words before the program, None where there is no MPI."""

    def __init__(self, program, work, steps=120, mpirun=None):
        self.program, self.work, self.steps, self.mpirun = str(program), pathlib.Path(work), steps, mpirun
        words = random.Random(5).choices([w + e for w in "ba de fi go lu mi no pe ru sa".split() for e in ("n", "r", "st", "la")], k=40000)
        text = "".join(word + ("\n\n" if i % 90 == 0 else "\n" if i % 30 == 0 else " ") for i, word in enumerate(words, 1))
        (self.work / "text.txt").write_text(text)
        self.quiet("train-tokenizer", "--vocab-size", "300", "--output", self.work / "tokenizer", self.work / "text.txt")
        self.quiet("prepare", "--tokenizer", self.work / "tokenizer", "--held-out", "0.05", "--output", self.work / "corpus",
                   self.work / "text.txt")

    def quiet(self, *words):
        result = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        need(result.returncode == 0, words, result.stderr)

    def command(self, output, *more, ranks=0, threads=1):
        program = [self.program]
        if ranks:
            program = [*self.mpirun, str(ranks), self.program]
        return [*program, "pretrain", "--data", str(self.work / "corpus"), "--output", str(output), "--hidden-size", "32",
                "--num-hidden-layers", "2", "--num-attention-heads", "2", "--max-position-embeddings", "66",
                "--stages", f"32x16@{self.steps // 2},64x8@{self.steps}", "--micro-batch-tokens", "256", "--warmup-steps", "10",
                "--learning-rate", "2e-3", "--save-steps", "10", "--logging-steps", "1", "--eval-steps", "20",
                "--threads", str(threads), *map(str, more)]

    def start(self, output, *more, **where):
        # A session of its own: all of its processes can be ended together.
        return subprocess.Popen(self.command(output, *more, **where), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def finish(self, output, *more, **where):
        result = subprocess.run(self.command(output, *more, **where), capture_output=True, text=True)
        need(result.returncode == 0, "exit", result.returncode, result.stderr)
        return result.stderr


def steps_saved(output):
    return sorted(int(path.name.split("-")[1]) for path in output.glob("checkpoint-*"))


def temporaries(output):
    return [entry.name for entry in output.iterdir() if ".tmp-" in entry.name]


def log_rows(output):
    """Without times. A last line that was cut off is left out."""
    rows = []
    for line in (output / "log.jsonl").read_text().splitlines():
        try:
            rows.append({key: value for key, value in json.loads(line).items() if key not in TIMES})
        except ValueError:
            pass
    return rows


def result_of(output):
    """Hashes of the last checkpoint's weights and moments, and the log."""
    last = output / f"checkpoint-{steps_saved(output)[-1]}"
    hashes = [hashlib.sha256((last / name).read_bytes()).hexdigest() for name in ("model.safetensors", "optimizer.safetensors")]
    return last.name, hashes, log_rows(output)


def need_same(found, expected, *what):
    need(found[0] == expected[0], *what, "ends with", found[0], "instead of", expected[0])
    for one, other in zip(found[2], expected[2]):
        need(one == other, *what, "log has", one, "instead of", other)
    need(len(found[2]) == len(expected[2]), *what, "log has", len(found[2]), "rows instead of", len(expected[2]))
    need(found[1] == expected[1], *what, "weights or moments differ")


def losses(output):
    return {row["step"]: row["loss"] for row in log_rows(output) if "loss" in row}


def mpirun_words(run_mpi):
    from shutil import which
    return [run_mpi] if which("mpirun") and os.path.exists(run_mpi) else None
