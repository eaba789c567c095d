#!/usr/bin/env python3
"""Compares a training step with PyTorch's, in turns on one machine, and writes its table in docs/performance.md.

    tools/bench/train.py --update docs/performance.md       both configurations, 5 pairs and more (15 minutes)
    tools/bench/train.py --configs small --short            2 pairs of each: does it work?

Both sides run synthetic batches of the same shape (tools/bench/train_baseline.py): forward, backward, AdamW, dropout 0.1. A
quick pass finds PyTorch's fastest variant of each kind; ours then runs in turns with the fastest that computes the logits of
every token, as RobertaForMaskedLM does, with the fastest whose head sees the masked rows only, and in fp32 with the fastest of
fp32. Prints JSON lines as it goes and the table at the end. Needs `make build` and the interpreter of PEERS (default
~/peers). A pair measured while others used the machine is repeated. The fraction of peak of a busy machine means nothing.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import report
from pairs import Worker, compare, turn

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers"))) / "venv/bin/python"
PRECISIONS = {"bf16": "bfloat16", "fp32": "float32"}
HEADS = {"full": "all tokens", "rows": "masked tokens"}


class CpuTimeWorker(Worker):
    """Answers by the milliseconds of CPU that its process used; of two threads the waiting would count too."""

    def ask(self, order):
        before = self.cpu_seconds()
        answer = super().ask(order)
        return [1e3 * (self.cpu_seconds() - before), *answer[1:]]


class Run:
    def __init__(self, arguments):
        self.arguments, self.rows = arguments, []
        self.bin = pathlib.Path(arguments.build) / "bin"
        self.log = open(arguments.log, "w")
        self.ceilings = {}
        self.worker = CpuTimeWorker if arguments.cpu_time else Worker

    def emit(self, **row):
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def ours(self, config, precision):
        command = [self.bin / "bench_train", config, PRECISIONS[precision], self.arguments.threads]
        return self.worker("roberta", [str(c) for c in command], facts=2, log=self.log)

    def baseline(self, config, variant):
        command = [PYTHON, HERE / "train_baseline.py", config, variant, self.arguments.threads]
        return self.worker(f"torch {variant}", [str(c) for c in command], log=self.log)

    def measure_ceilings(self):
        """Before and after the rest; the higher median counts, as a busy moment can only lower it."""
        command = [str(self.bin / "bench_ceiling"), str(self.arguments.threads)]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            row = json.loads(line)
            if "ceiling" not in row:
                self.facts = row
            elif row["gflops"]["median"] > self.ceilings.get(row["ceiling"], 0):
                self.ceilings[row["ceiling"]] = row["gflops"]["median"]


def peak_mb(worker):
    for line in open(f"/proc/{worker.process.pid}/status"):
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1.024e-3, 1)
    return None


def quick_pass(run, config):
    """Median milliseconds of each of PyTorch's variants; each alone, as all would fill memory."""
    if run.arguments.variants:
        return {v: quick(run, config, v) for v in run.arguments.variants}
    found = {}
    for head in HEADS:
        for precision in PRECISIONS:
            for attention in ("sdpa", "eager"):
                variant = f"{precision}-{attention}-{head}-fused"
                found[variant] = quick(run, config, variant)
            best = min((v for v in found if v.startswith(precision) and head in v), key=found.get)
            plain = best.removesuffix("-fused")  # AdamW's other kernel, where attention is at its best
            found[plain] = quick(run, config, plain)
    return found


def quick(run, config, variant):
    with run.baseline(config, variant) as baseline:
        baseline.ask("step")
        ms = statistics.median(turn(baseline, "step", False) for _ in range(2 if run.arguments.short else 3))
        run.emit(part="train_quick", config=config, variant=variant, ms=round(ms, 1), peak_mb=peak_mb(baseline),
                 **{k: baseline.facts[k] for k in ("version", "parameters")})
    return ms


def fastest(found, *words):
    return min((v for v in found if all(w in v.split("-") for w in words)), key=found.get, default=None)


def compare_config(run, config):
    found = quick_pass(run, config)
    wanted = [("bf16", head, fastest(found, head)) for head in HEADS]
    wanted += [("fp32", head, fastest(found, "fp32", head)) for head in HEADS]
    for precision, head, variant in (w for w in wanted if w[2]):
        with run.ours(config, precision) as ours, run.baseline(config, variant) as baseline:
            row = compare(ours, baseline, "step", 2 if run.arguments.short else run.arguments.pairs, run.arguments.patience)
            tokens = ours.facts["tokens"]
            run.emit(part="train", config=config, dtype=PRECISIONS[precision], head=HEADS[head], tokens=tokens,
                     tokens_per_s=round(1e3 * tokens / row["ours"]["median"], 1),
                     baseline_tokens_per_s=round(1e3 * tokens / row["theirs"]["median"], 1),
                     peak_mb=peak_mb(ours), baseline_peak_mb=peak_mb(baseline), **row)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--configs", nargs="+", choices=["small", "base"], default=["small", "base"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60, help="seconds a row may spend on repeating dirty pairs")
    parser.add_argument("--variants", nargs="+", help="the baseline's, instead of all (tools/bench/train_baseline.py)")
    parser.add_argument("--cpu-time", action="store_true", help="one thread each, by CPU time: for a machine that others use")
    parser.add_argument("--short", action="store_true", help="2 pairs of each")
    parser.add_argument("--update", metavar="FILE", help="put the table between the marks of this Markdown file")
    parser.add_argument("--log", default="/dev/null", help="what the programs print on standard error")
    return parser.parse_args()


def main():
    run = Run(parse())
    if run.arguments.cpu_time:
        run.arguments.threads, run.arguments.patience = 1, 0
    if not PYTHON.is_file():
        print(f"SKIPPED benchmark of training: no {PYTHON} (set PEERS)")
        return 0
    run.measure_ceilings()
    for config in run.arguments.configs:
        compare_config(run, config)
    run.measure_ceilings()
    run.emit(part="machine", threads=run.arguments.threads, cpu_time=run.arguments.cpu_time, **run.facts, ceilings_gflops=run.ceilings)
    text = report.training(run.rows)
    print(text)
    if run.arguments.update:
        report.update(pathlib.Path(run.arguments.update), text, "train")
    return 0


if __name__ == "__main__":
    sys.exit(main())
