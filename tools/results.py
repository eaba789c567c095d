#!/usr/bin/env python3
"""The results table of the model that ships: `roberta finetune` on public data beside Hugging Face from the same checkpoint.

    tools/results.py [--sides ours theirs] [--rows cola rte ...] [--update docs/results.md]

Every run is one JSON line of --state, and is not repeated while its recipe stays the same; so the program may be stopped and
called again, in parts. Theirs is tools/hf/finetune.py (PyTorch, transformers) with the same data, epochs, batch, learning rate,
AdamW, warmup and dropout, in the precision that is faster there. Metrics are those of the dev data, of the epoch that is best by
the headline, on both sides. Needs `make build`, the interpreter of PEERS (default ~/peers) and ROBERTA_SHARED (default ../shared).
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers"))) / "venv/bin/python"
SHARED = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data"
MODEL = ROOT / "models/roberta-small-english"
COMMON = dict(weight_decay=0.01, warmup_ratio=0.06, clip=1.0, dropout=0.1)

Row = collections.namedtuple("Row", "name title train dev epochs batch rate length metric data")
GLUE, SUBSETS, WNUT = SHARED / "glue", SHARED / "glue_subsets", SHARED / "wnut17"
ROWS = [
    Row("cola", "CoLA", GLUE / "CoLA/train.tsv", GLUE / "CoLA/dev.tsv", 6, 32, 2e-4, 128, "mcc", "all"),
    Row("sst2", "SST-2", GLUE / "SST-2/train.tsv", GLUE / "SST-2/dev.tsv", 1, 32, 2e-4, 128, "accuracy", "all"),
    Row("stsb", "STS-B", GLUE / "STS-B/train.tsv", GLUE / "STS-B/dev.tsv", 6, 32, 2e-4, 128, "pearson", "all"),
    Row("rte", "RTE", GLUE / "RTE/train.tsv", GLUE / "RTE/dev.tsv", 5, 16, 1e-4, 256, "accuracy", "all"),
    Row("qnli", "QNLI", SUBSETS / "QNLI/train.tsv", SUBSETS / "QNLI/dev.tsv", 4, 32, 2e-4, 128, "accuracy", "sample of the training set"),
    Row("mnli", "MNLI", SUBSETS / "MNLI/train.tsv", SUBSETS / "MNLI/dev.tsv", 4, 32, 2e-4, 128, "accuracy", "sample of the training set"),
    Row("qqp", "QQP", SUBSETS / "QQP/train.tsv", SUBSETS / "QQP/dev.tsv", 4, 32, 2e-4, 128, "accuracy", "sample of the training set"),
    Row("token-classification", "WNUT-17", WNUT / "wnut17train.conll", WNUT / "emerging.dev.conll", 8, 16, 3e-4, 256, "f1", "all"),
    Row("question-answering", "SQuAD 1.1", "train", "dev", 2, 32, 3e-4, 384, "f1", "sample"),
]
SQUAD = {"train": (9000, 1), "dev": (1500, 2)}  # questions, seed
EXTRA = {"f1": ["exact"], "accuracy": ["f1"], "pearson": ["spearmanr"]}


class Runs:
    def __init__(self, args):
        self.args = args
        self.work = args.state.parent
        self.work.mkdir(parents=True, exist_ok=True)
        self.done = {}
        if args.state.exists():
            for line in args.state.read_text().splitlines():
                row = json.loads(line)
                self.done[row["key"]] = row

    def key(self, row, side, seed):
        recipe = json.dumps([[str(x) for x in row[:-1]], COMMON, SQUAD, seed], sort_keys=True)
        return f"{side} {row.name} {hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    def run(self, row, side, seed):
        key = self.key(row, side, seed)
        if key in self.done:
            return
        print(f"{row.title}, {side}, seed {seed} ...", file=sys.stderr, flush=True)
        row = row._replace(train=self.data(row.train, "train"), dev=self.data(row.dev, "dev"))
        before, start = cpu_seconds(), time.perf_counter()
        result = (self.ours if side == "ours" else self.theirs)(row, seed)
        result.update(key=key, row=row.name, side=side, seed=seed, wall_seconds=round(time.perf_counter() - start, 1),
                      cpu_seconds=round(cpu_seconds() - before, 1))
        with open(self.args.state, "a") as state:
            state.write(json.dumps(result) + "\n")
        self.done[key] = result
        print(json.dumps(result["metrics"]), file=sys.stderr, flush=True)

    def data(self, path, name):
        """A file, or the sample of SQuAD, made once: some paragraphs, chosen by chance, with all of their questions."""
        if isinstance(path, pathlib.Path):
            return path
        count, seed = SQUAD[name]
        target = self.work / f"squad-{name}-{count}.json"
        if target.exists():
            return target
        packed = SHARED / "squad" / f"{name}-v1.1.json.zst"
        everything = json.loads(subprocess.run(["zstd", "-dcq", packed], check=True, capture_output=True).stdout)
        paragraphs = [p for article in everything["data"] for p in article["paragraphs"]]
        random.Random(seed).shuffle(paragraphs)
        chosen, questions = [], 0
        while questions < count:
            chosen.append(paragraphs[len(chosen)])
            questions += len(chosen[-1]["qas"])
        target.write_text(json.dumps({"version": "1.1", "data": [{"title": "sample", "paragraphs": chosen}]}))
        return target

    def ours(self, row, seed):
        output = self.work / f"{row.name}-{seed}"
        shutil.rmtree(output, ignore_errors=True)
        command = [f"{self.args.build}/bin/roberta", "finetune", "-q", "--task", row.name, "--train-file", row.train, "--validation-file", row.dev,
                   "--model", MODEL, "--output", output, "--bf16", "--optim", "adamw", "--learning-rate", row.rate,
                   "--weight-decay", COMMON["weight_decay"], "--no-decay-all", "--adam-beta1", 0.9, "--adam-beta2", 0.999,
                   "--adam-epsilon", 1e-8, "--max-grad-norm", COMMON["clip"], "--warmup-ratio", COMMON["warmup_ratio"],
                   "--batch-size", row.batch, "--num-train-epochs", row.epochs, "--max-seq-length", row.length, "--seed", seed,
                   "--hidden-dropout-prob", COMMON["dropout"], "--attention-probs-dropout-prob", COMMON["dropout"],
                   "--classifier-dropout", COMMON["dropout"], "--metric-for-best-model", row.metric, "--threads", self.args.threads,
                   "--format", "json"]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")
        answer = json.loads(done.stdout)
        if not self.args.keep:
            shutil.rmtree(output)
        return {"metrics": dict(answer["best"][0]["metrics"])}

    def theirs(self, row, seed):
        request = dict(task=row.name, model=str(MODEL), train=str(row.train), dev=str(row.dev), batch=row.batch, epochs=row.epochs,
                       learning_rate=row.rate, max_length=row.length, seed=seed, threads=self.args.threads, dtype=self.args.baseline_dtype,
                       **COMMON)
        done = subprocess.run([PYTHON, ROOT / "tools/hf/finetune.py"], input=json.dumps(request), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"hf/finetune.py: {done.stderr[-2000:]}")
        answer = json.loads(done.stdout)
        return {"metrics": answer["best"], "versions": answer["version"], "dtype": self.args.baseline_dtype,
                **{k: answer[k] for k in ("train", "dev", "steps", "tokens", "seconds", "evaluation_seconds")}}

    def baselines(self, row):
        """Of the most frequent answer of the training data, and of chance."""
        key = f"baselines {row.name} {self.key(row, '', 0).split()[-1]}"
        if key not in self.done:
            data = row._replace(train=self.data(row.train, "train"), dev=self.data(row.dev, "dev"))
            done = subprocess.run([PYTHON, ROOT / "tools/hf/baselines.py", row.name, data.train, data.dev, str(row.length)],
                                  capture_output=True, text=True, check=True)
            with open(self.args.state, "a") as state:
                state.write(json.dumps({"key": key, **json.loads(done.stdout)}) + "\n")
            self.done[key] = json.loads(done.stdout)
        return self.done[key]


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def points(metrics, name):
    value = metrics.get(name)
    if value is None or value != value:
        return "-"
    return f"{value if name == 'exact' or 'exact' in metrics else 100 * value:.1f}"


def cell(metrics, row):
    out = points(metrics, row.metric)
    more = [f"{name} {points(metrics, name)}" for name in EXTRA.get(row.metric, []) if name in metrics and row.name in ("qqp", "stsb", "question-answering")]
    return out + (f" ({', '.join(more)})" if more else "")


def side_cell(runs, row, side, seeds):
    found = [runs.done[k] for k in (runs.key(row, side, s) for s in seeds) if k in runs.done]
    if not found:
        return "-", "-"
    values = sorted(found, key=lambda r: r["metrics"][row.metric])
    middle = values[len(values) // 2]["metrics"]
    spread = f", {points(values[0]['metrics'], row.metric)} to {points(values[-1]['metrics'], row.metric)}" if len(values) > 1 else ""
    minutes = sum(r["cpu_seconds"] for r in found) / len(found) / 60
    return f"**{cell(middle, row)}**{spread}", f"{minutes:.1f}"


def table(runs, rows, seeds):
    lines = ["| task | train / dev examples | epochs, batch, rate | metric | most frequent | chance | ours | Hugging Face | CPU minutes, ours / theirs |",
             "|" + "---|" * 9]
    for row in rows:
        if not any(runs.key(row, side, seed) in runs.done for side in ("ours", "theirs") for seed in seeds):
            continue
        base = runs.baselines(row)
        ours, our_minutes = side_cell(runs, row, "ours", seeds)
        theirs, their_minutes = side_cell(runs, row, "theirs", seeds)
        lines.append(f"| {row.title} | {base['train']:,} / {base['dev']:,} ({row.data}) | {row.epochs}, {row.batch}, {row.rate:.0e} | {row.metric} | "
                     f"{points(base['frequent'], row.metric)} | {points(base['chance'], row.metric)} | {ours} | {theirs} | {our_minutes} / {their_minutes} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--state", type=pathlib.Path, default=ROOT / "build/results/state.jsonl")
    parser.add_argument("--sides", nargs="*", choices=["ours", "theirs"], default=["ours", "theirs"], help="in this order; none: only the table")
    parser.add_argument("--rows", nargs="+", choices=[r.name for r in ROWS], default=[r.name for r in ROWS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--baseline-dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--keep", action="store_true", help="leave the models beside the state")
    parser.add_argument("--update", metavar="FILE", help="put the table between the marks of this Markdown file")
    args = parser.parse_args()
    if not PYTHON.is_file() or not SHARED.is_dir():
        print(f"SKIPPED: no {PYTHON} (set PEERS) or no {SHARED} (set ROBERTA_SHARED)")
        return 0
    runs = Runs(args)
    chosen = [r for r in ROWS if r.name in args.rows]
    for side in args.sides:
        for seed in args.seeds:
            for row in chosen:
                runs.run(row, side, seed)
    text = table(runs, ROWS, args.seeds)
    print(text)
    if args.update:
        sys.path.insert(0, str(ROOT / "tools/bench"))
        import report
        report.update(pathlib.Path(args.update), text, "results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
