#!/usr/bin/env python3
"""Compares `roberta evaluate blimp` and `crows-pairs` with transformers, in turns on one machine, on a sample of the pairs.

    tools/bench/pll.py --update docs/performance.md
    tools/bench/pll.py --limit 2 --crows-limit 64 --short

Both in bf16 with the model that ships; the baseline (tools/bench/pll_baseline.py) runs each sentence's masked copies as one batch, once
with the logits of all tokens, as its model gives them, and once with those of the masked tokens alone, by the faster form of
attention. Ours is a whole process: it starts, loads the model, reads the data and prints its table; the baseline's clock runs
after all is loaded. Before it is timed, both must score alike (fp32 within 1e-4 relative). Needs `make build`, the interpreter
of PEERS (default ~/peers) and ROBERTA_SHARED (default ../shared).
"""
import argparse
import csv
import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tarfile
import tempfile
import time

import report
from finetune import by_cpu_time
from pairs import Worker, compare, turn

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers"))) / "venv/bin/python"
SHARED = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data"
FILES = {"blimp": SHARED / "blimp/blimp.tar.zst", "crows-pairs": SHARED / "crows_pairs/crows_pairs_anonymized.csv"}
HEADS = {"full": "all tokens", "rows": "masked tokens"}
SCORE_LIMIT = 1e-4


class Program:
    """`roberta evaluate`, a process a turn; the same face as pairs.Worker."""

    name, realtime = "roberta", False

    def __init__(self, command, cpu_time):
        self.command, self.cpu_time = [str(c) for c in command], cpu_time

    def ask(self, order):
        before, start = self.cpu_seconds(), time.perf_counter()
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL)
        return [1e3 * (self.cpu_seconds() - before if self.cpu_time else time.perf_counter() - start)]

    def cpu_seconds(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Run:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch, self.rows = arguments, scratch, report.Rows()
        self.log = open(arguments.log, "w")
        self.worker = by_cpu_time(Worker) if arguments.cpu_time else Worker

    def limit(self, task):
        return self.arguments.limit if task == "blimp" else self.arguments.crows_limit

    def command(self, task, dtype, *more):
        a = self.arguments
        return [f"{a.build}/bin/roberta", "evaluate", task, "-q", "--model", a.model, "--dtype", dtype, "--threads", a.threads, "--limit",
                self.limit(task), "--format", "json", *more, FILES[task]]

    def baseline(self, pairs, variant):
        command = [PYTHON, HERE / "pll_baseline.py", self.arguments.model, pairs, variant, self.arguments.threads]
        return self.worker(f"transformers {variant}", [str(c) for c in command], log=self.log)


def blimp_pairs(limit):
    """The first pairs of each paradigm."""
    data = subprocess.run(["zstd", "-dcq", FILES["blimp"]], check=True, capture_output=True).stdout
    archive = tarfile.open(fileobj=io.BytesIO(data))
    for member in (m for m in archive.getmembers() if m.isfile() and m.name.endswith(".jsonl")):
        for line in archive.extractfile(member).read().decode().splitlines()[:limit]:
            row = json.loads(line)
            yield {"first": row["sentence_good"], "second": row["sentence_bad"], "shared": False}


def crows_pairs(limit):
    """The sentence about the disadvantaged group first, as the script has it."""
    for i, row in enumerate(csv.DictReader(open(FILES["crows-pairs"], encoding="utf-8"))):
        if i < limit:
            names = ("sent_more", "sent_less") if row["stereo_antistereo"] == "stereo" else ("sent_less", "sent_more")
            yield {"first": row[names[0]], "second": row[names[1]], "shared": True}


def same_scores(run, task, pairs, file):
    """In fp32, pair by pair; and how often they choose the same sentence in bf16."""
    for dtype, variant in (("float32", "fp32-sdpa-rows"), ("bfloat16", "bf16-sdpa-rows")):
        told, scores = run.scratch / "told.jsonl", run.scratch / "scores.json"
        subprocess.run([str(c) for c in run.command(task, dtype, "--predictions", told)], check=True, stdout=subprocess.DEVNULL)
        with run.baseline(file, variant) as baseline:
            baseline.ask(f"scores {scores}")
        theirs = {(p["first"], p["second"]): s for p, s in zip(pairs, json.loads(scores.read_text()))}
        mine = {}
        for row in (json.loads(line) for line in told.read_text().splitlines()):
            if task == "blimp":
                mine[row["sentence_good"], row["sentence_bad"]] = (row["score_good"], row["score_bad"])
            elif row["stereo_antistereo"] == "stereo":
                mine[row["sent_more"], row["sent_less"]] = (row["sent_more_score"], row["sent_less_score"])
            else:
                mine[row["sent_less"], row["sent_more"]] = (row["sent_less_score"], row["sent_more_score"])
        if mine.keys() != theirs.keys():
            raise SystemExit(f"pll: {task}: other pairs than ours")
        rounding = 5e-4 if task == "crows-pairs" else 0  # the paper's script rounds to three decimals
        worst = max(max(abs(x - y) - rounding, 0) / abs(y) for key in theirs for x, y in zip(mine[key], theirs[key]) if y)
        alike = sum((a > b) == (x > y) for (a, b), (x, y) in ((mine[k], theirs[k]) for k in theirs)) / len(theirs)
        run.rows.emit(part="scores", task=task, dtype=dtype, pairs=len(theirs), largest_relative_difference=worst, same_choice=round(alike, 4))
        if dtype == "float32" and worst > SCORE_LIMIT:
            raise SystemExit(f"pll: {task}: scores in fp32 are apart by {worst:.1e}")


def measure(run, task):
    pairs = list((blimp_pairs if task == "blimp" else crows_pairs)(run.limit(task)))
    file = run.scratch / f"{task}.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in pairs))
    same_scores(run, task, pairs, file)
    for head in HEADS:
        found = {}
        for attention in ("sdpa", "eager"):
            with run.baseline(file, variant := f"bf16-{attention}-{head}") as baseline:
                found[variant] = turn(baseline, "pass", True)
        variant = min(found, key=found.get)
        with Program(run.command(task, "bfloat16"), run.arguments.cpu_time) as ours, run.baseline(file, variant) as baseline:
            row = compare(ours, baseline, "pass", 2 if run.arguments.short else run.arguments.pairs, run.arguments.patience)
            run.rows.emit(part="pll", task=task, head=head, variant=variant, sample=len(pairs), version=baseline.facts["version"],
                     torch=baseline.facts["torch"], pairs_per_s=round(1e3 * len(pairs) / row["ours"]["median"], 1),
                     baseline_pairs_per_s=round(1e3 * len(pairs) / row["theirs"]["median"], 1), **row)


def table(rows):
    scores = {(r["task"], r["dtype"]): r for r in rows.of("scores")}
    out = []
    for r in rows.of("pll"):
        alike = scores[r["task"], "bfloat16"]["same_choice"]
        out.append([r["task"], r["sample"], f"**{r['pairs_per_s']:.0f}**", f"{r['variant']} ({HEADS[r['head']]})", f"**{r['baseline_pairs_per_s']:.0f}**",
                    report.ratio(r), report.pairs(r), f"{scores[r['task'], 'float32']['largest_relative_difference']:.0e}", f"{100 * alike:.1f} %"])
    return report.facts(rows, "pll") + report.table("Pseudo-log-likelihood against transformers", [
        "data", "sample", "ours pairs/s", "transformers", "its pairs/s", "ratio", "runs", "scores apart in fp32", "same choice in bf16"], out)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--model", default=str(ROOT / "models/roberta-small-english"))
    parser.add_argument("--tasks", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--limit", type=int, default=10, help="pairs of each of the 67 paradigms")
    parser.add_argument("--crows-limit", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60, help="seconds a row may spend on repeating dirty pairs")
    parser.add_argument("--cpu-time", action="store_true", help="one thread each, by CPU time: for a machine that others use")
    parser.add_argument("--short", action="store_true", help="2 turns of each")
    parser.add_argument("--update", metavar="FILE", help="put the table between the marks of this Markdown file")
    parser.add_argument("--log", default="/dev/null", help="what the programs print on standard error")
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.cpu_time:
        arguments.threads, arguments.patience = 1, 0
    if not PYTHON.is_file() or not SHARED.is_dir():
        print(f"SKIPPED benchmark of pseudo-log-likelihood: no {PYTHON} (set PEERS) or no {SHARED} (set ROBERTA_SHARED)")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(arguments, pathlib.Path(scratch))
        for task in arguments.tasks:
            measure(run, task)
    run.rows.machine(arguments)
    report.publish(table(run.rows), arguments, "pll")
    return 0


if __name__ == "__main__":
    sys.exit(main())
