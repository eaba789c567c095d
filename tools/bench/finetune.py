#!/usr/bin/env python3
"""Compares `roberta finetune` with Hugging Face's Trainer, in turns on one machine, and writes its table in docs/performance.md.

    tools/bench/finetune.py --update docs/performance.md      both models and tasks, 5 pairs of each and more (30 minutes)
    tools/bench/finetune.py --models small --short            2 pairs of each: does it work?

A turn is an epoch over the same few hundred training samples of SST-2 or RTE (tools/bench/finetune_baseline.py), cut to 128
tokens, dropout 0.1, AdamW, clipping. Ours is the program itself in bf16: it is stopped (SIGSTOP) between its turns, which are
the times between lines of its log. It runs in turns with Trainer in bf16 autocast and batches of like lengths (the faster of
its two forms of attention), and with Trainer as run_glue calls it: fp32, random order, padded to 128. Needs `make build`, the
interpreter of PEERS (default ~/peers) and ROBERTA_SHARED (default ../shared). A pair measured while others used the machine is
repeated.
"""
import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import report
from pairs import TICK, Worker, compare, turn

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers")))
PYTHON = PEERS / "venv/bin/python"
SHARED = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data"
MODELS = {"small": ROOT / "models/roberta-small-english", "base": PEERS / "models/roberta-base-rand"}
FOLDERS = {"sst2": "SST-2", "rte": "RTE"}
BATCH = {"sst2": 32, "rte": 16}
SAMPLES = {("small", "sst2"): 1280, ("small", "rte"): 320, ("base", "sst2"): 320, ("base", "rte"): 96}
GROUPED = ["bf16-grouped-sdpa", "bf16-grouped-eager"]
DEFAULT = "fp32-padded-sdpa"
WHAT = {"grouped": "bf16, batches by length", "padded": "defaults: fp32, padded to 128"}


class Program:
    """`roberta finetune`, held still but for its turns; the same face as pairs.Worker."""

    realtime = False

    def __init__(self, command, log, errors):
        self.name, self.log, self.seen = "roberta", log, 0
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        self.until_line()
        self.hold()

    def until_line(self):
        while True:
            size = self.log.stat().st_size if self.log.exists() else 0
            if size > self.seen and self.log.read_bytes()[self.seen:].count(b"\n"):
                self.seen = self.log.stat().st_size
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"roberta finetune ended with status {self.process.returncode} (see --log)")
            time.sleep(0.002)

    def hold(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def ask(self, order):
        start = time.perf_counter()
        os.kill(self.process.pid, signal.SIGCONT)
        self.until_line()
        ms = 1e3 * (time.perf_counter() - start)
        self.hold()
        return [ms]

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def by_cpu_time(kind):
    """Answers by the milliseconds of CPU that the process used."""
    class Timed(kind):
        def ask(self, order):
            before = self.cpu_seconds()
            super().ask(order)
            return [1e3 * (self.cpu_seconds() - before)]
    return Timed


class Run:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch, self.rows = arguments, scratch, report.Rows()
        self.log = open(arguments.log, "w")
        self.program, self.worker = (by_cpu_time(Program), by_cpu_time(Worker)) if arguments.cpu_time else (Program, Worker)

    def train_file(self, model, task):
        """The first rows of the training set."""
        path = self.scratch / f"{model}-{task}.tsv"
        with open(SHARED / "glue" / FOLDERS[task] / "train.tsv", encoding="utf-8") as source:
            path.write_text("".join(source.readline() for _ in range(1 + SAMPLES[model, task])), encoding="utf-8")
        return path

    def ours(self, model, task, train):
        output = self.scratch / f"{model}-{task}-{len(self.rows)}"
        steps = -(-SAMPLES[model, task] // BATCH[task])
        command = [f"{self.arguments.build}/bin/roberta", "finetune", "-q", "--task", task, "--train-file", train, "--model", MODELS[model],
                   "--output", output, "--bf16", "--max-seq-length", 128, "--batch-size", BATCH[task], "--num-train-epochs", 10000,
                   "--logging-steps", steps, "--save-steps", 1000000, "--optim", "adamw", "--max-grad-norm", 1, "--learning-rate", 2e-5,
                   "--hidden-dropout-prob", 0.1, "--attention-probs-dropout-prob", 0.1, "--classifier-dropout", 0.1,
                   "--threads", self.arguments.threads]
        return self.program([str(c) for c in command], output / "log.jsonl", self.log)

    def baseline(self, model, task, train, variant):
        command = [PYTHON, HERE / "finetune_baseline.py", MODELS[model], task, train, BATCH[task], variant, self.arguments.threads]
        return self.worker(f"Trainer {variant}", [str(c) for c in command], log=self.log)


def faster(run, model, task, train):
    """Trainer's faster form of attention; each alone."""
    found = {}
    for variant in GROUPED:
        with run.baseline(model, task, train, variant) as baseline:
            baseline.ask("epoch")
            found[variant] = statistics.median(turn(baseline, "epoch", False) for _ in range(1 if run.arguments.short else 2))
            run.rows.emit(part="finetune_quick", model=model, task=task, variant=variant, ms=round(found[variant], 1))
    return min(found, key=found.get)


def compare_task(run, model, task):
    train = run.train_file(model, task)
    for variant in (faster(run, model, task, train), DEFAULT):
        with run.ours(model, task, train) as ours, run.baseline(model, task, train, variant) as baseline:
            row = compare(ours, baseline, "epoch", 2 if run.arguments.short else run.arguments.pairs, run.arguments.patience)
            facts = baseline.facts
            run.rows.emit(part="finetune", model=model, task=task, variant=variant, samples=facts["samples"], tokens=facts["tokens"],
                     version=facts["version"], torch=facts["torch"],
                     samples_per_s=round(1e3 * facts["samples"] / row["ours"]["median"], 1),
                     baseline_samples_per_s=round(1e3 * facts["samples"] / row["theirs"]["median"], 1),
                     tokens_per_s=round(1e3 * facts["tokens"] / row["ours"]["median"], 1), **row)


def table(rows):
    out = []
    for r in rows.of("finetune"):
        out.append([r["model"], r["task"], f"{r['tokens'] / r['samples']:.0f}", WHAT[r["variant"].split("-")[1]],
                    f"**{r['samples_per_s']:.0f}**", f"{r['tokens_per_s']:.0f}", f"**{r['baseline_samples_per_s']:.0f}**", report.ratio(r),
                    report.pairs(r)])
    return report.facts(rows, "finetune") + report.table("Fine-tuning against Hugging Face's Trainer", [
        "model", "task", "tokens a sample", "Trainer with", "ours samples/s", "ours tokens/s", "Trainer samples/s", "ratio", "pairs"], out)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--tasks", nargs="+", choices=list(FOLDERS), default=list(FOLDERS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60, help="seconds a row may spend on repeating dirty pairs")
    parser.add_argument("--cpu-time", action="store_true", help="one thread each, by CPU time: for a machine that others use")
    parser.add_argument("--short", action="store_true", help="2 pairs of each")
    parser.add_argument("--update", metavar="FILE", help="put the table between the marks of this Markdown file")
    parser.add_argument("--log", default="/dev/null", help="what the programs print on standard error")
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.cpu_time:
        arguments.threads, arguments.patience = 1, 0
    if not PYTHON.is_file() or not SHARED.is_dir():
        print(f"SKIPPED benchmark of fine-tuning: no {PYTHON} (set PEERS) or no {SHARED} (set ROBERTA_SHARED)")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(arguments, pathlib.Path(scratch))
        for model in arguments.models:
            for task in arguments.tasks:
                compare_task(run, model, task)
    run.rows.machine(arguments)
    report.publish(table(run.rows), arguments, "finetune")
    return 0


if __name__ == "__main__":
    sys.exit(main())
