#!/usr/bin/env python3
"""`roberta finetune` beside PyTorch and transformers (tools/hf/finetune.py): same start, data, order and hyper-parameters.

    tools/parity/finetune_parity.py [--roberta build/bin/roberta] [--model models/roberta-small-english] [--only curve|seeds]

curve   RTE and 2,000 rows of SST-2, a head of the same values, dropout 0, fp32, AdamW with linear decay, clipping to norm 1:
        the loss of each of the first 50 steps within 1e-4 (relative), and at the end at least 99 % equal predictions on dev.
        The order is that of a shuffled file. No warmup: the first of its steps differs by definition (transformers' learning
        rate there is 0, fairseq's and ours one step's).
seeds   dropout 0.1 and shuffling on, 3 seeds of each: dev metrics side by side. Fails when the ranges are apart by more than
        --apart.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

from probe import BUILD, ROOT, shared_data

LOSS_LIMIT, STEPS, EQUAL = 1e-4, 50, 0.99
RATE, DECAY, CLIP = 5e-5, 0.01, 1.0

# task, rows of the training file (0: all), batch, epochs
TASKS = [("rte", "RTE", 0, 16, 1), ("sst2", "SST-2", 2000, 32, 3)]


class Sides:
    def __init__(self, args, scratch):
        self.args, self.scratch = args, scratch

    def model_with_head(self, labels):
        """The masked language model with a head that both read."""
        from transformers import AutoTokenizer, RobertaForSequenceClassification
        import torch
        torch.manual_seed(1)
        directory = self.scratch / f"start-{'-'.join(labels)}"
        if not directory.exists():
            model = RobertaForSequenceClassification.from_pretrained(
                self.args.model, dtype=torch.float32, num_labels=len(labels), id2label=dict(enumerate(labels)),
                label2id={label: i for i, label in enumerate(labels)})
            model.save_pretrained(directory)
            AutoTokenizer.from_pretrained(self.args.model).save_pretrained(directory)
        return directory

    def theirs(self, **request):
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.args.threads))
        done = subprocess.run([sys.executable, ROOT / "tools/hf/finetune.py"], input=json.dumps({**request, "threads": self.args.threads}),
                              capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"hf/finetune.py: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def ours(self, *words):
        command = [self.args.roberta, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
        return done.stdout

    def finetune(self, task, train, dev, model, output, batch, epochs, seed, dropout, *words):
        """Rows of its log."""
        self.ours("finetune", "-q", "--task", task, "--train-file", train, "--validation-file", dev, "--model", model, "--output", output,
                  "--optim", "adamw", "--learning-rate", RATE, "--weight-decay", DECAY, "--no-decay-all", "--adam-beta1", 0.9,
                  "--adam-beta2", 0.999, "--adam-epsilon", 1e-8, "--max-grad-norm", CLIP, "--warmup-ratio", 0, "--batch-size", batch,
                  "--num-train-epochs", epochs, "--seed", seed, "--hidden-dropout-prob", dropout, "--attention-probs-dropout-prob", dropout,
                  "--classifier-dropout", dropout, "--logging-steps", 1, "--threads", self.args.threads, "--no-load-best-model-at-end", *words)
        return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def shuffled(source, target, rows, seed):
    """The training file's rows in another order, the header first."""
    header, *lines = source.read_text().rstrip("\n").split("\n")
    random.Random(seed).shuffle(lines)
    target.write_text("\n".join([header, *lines[:rows or None]]) + "\n")
    return target


def predicted_labels(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def curve(sides, task, folder, rows, batch, epochs):
    glue = shared_data("glue")
    train = shuffled(glue / folder / "train.tsv", sides.scratch / f"{task}-train.tsv", rows, 7)
    dev = glue / folder / "dev.tsv"
    labels = ["entailment", "not_entailment"] if task == "rte" else ["0", "1"]
    start = sides.model_with_head(labels)
    output, theirs = sides.scratch / f"{task}-ours", sides.scratch / f"{task}-theirs.json"
    log = sides.finetune(task, train, dev, start, output, batch, epochs, 1, 0.0, "--no-shuffle", "--eval-strategy", "no")
    mine = [row["loss"] for row in log if "loss" in row]
    theirs = sides.theirs(task=task, model=str(start), train=str(train), dev=str(dev), batch=batch, epochs=epochs, learning_rate=RATE,
                          weight_decay=DECAY, clip=CLIP, dropout=0.0, shuffle=False, every_epoch=False, predictions=str(theirs))
    apart = [abs(a - b) / b for a, b in zip(mine, theirs["losses"])]
    predictions = sides.scratch / f"{task}-ours.jsonl"
    report = json.loads(sides.ours("evaluate", "glue", "--task", task, "--model", output, dev, "--predictions", predictions, "--format", "json"))
    ids = predicted_labels(predictions)
    equal = statistics.mean(labels.index(a["prediction"]) == b for a, b in zip(ids, json.load(open(theirs))))
    good = max(apart[:STEPS]) <= LOSS_LIMIT and equal >= EQUAL and len(mine) == len(theirs["losses"])
    print(f"{task}: {len(mine)} steps; loss apart by {max(apart[:STEPS]):.1e} in the first {STEPS}, {max(apart):.1e} in all; "
          f"equal predictions {100 * equal:.2f} % of {len(ids)}; ours {json.dumps(report)}; theirs {json.dumps(theirs['last'])}"
          f"{'' if good else '  FAILED'}", flush=True)
    shutil.rmtree(output)
    return not good


def primary_metric(log, name):
    return [row[f"eval_{name}"] for row in log if f"eval_{name}" in row][-1]


def seeds(sides, task, folder, rows, batch, epochs):
    glue = shared_data("glue")
    train = shuffled(glue / folder / "train.tsv", sides.scratch / f"{task}-train.tsv", rows, 7)
    dev = glue / folder / "dev.tsv"
    mine, theirs = [], []
    for seed in range(1, sides.args.seeds + 1):
        output = sides.scratch / f"{task}-{seed}"
        mine.append(100 * primary_metric(sides.finetune(task, train, dev, sides.args.model, output, batch, epochs, seed, 0.1), "accuracy"))
        theirs.append(100 * sides.theirs(task=task, model=str(sides.args.model), train=str(train), dev=str(dev), batch=batch, epochs=epochs,
                                         learning_rate=RATE, weight_decay=DECAY, clip=CLIP, dropout=0.1, seed=seed,
                                         every_epoch=False)["last"]["accuracy"])
        shutil.rmtree(output)
    gap = max(min(mine) - max(theirs), min(theirs) - max(mine))
    good = gap <= sides.args.apart
    print(f"{task}, dropout, {len(mine)} seeds: ours {', '.join(f'{x:.1f}' for x in mine)} (mean {statistics.mean(mine):.1f}); "
          f"theirs {', '.join(f'{x:.1f}' for x in theirs)} (mean {statistics.mean(theirs):.1f}){'' if good else '  FAILED'}", flush=True)
    return not good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roberta", default=str(BUILD / "bin/roberta"))
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/roberta-small-english")
    parser.add_argument("--only", choices=["curve", "seeds"])
    parser.add_argument("--tasks", nargs="+", choices=[t[0] for t in TASKS], default=[t[0] for t in TASKS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--apart", type=float, default=2.0, help="points between the worse end of one side and the better of the other")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not shared_data("glue"):
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        sides = Sides(args, pathlib.Path(scratch))
        for part in (curve, seeds):
            if args.only in (None, part.__name__):
                failed += sum(part(sides, *task) for task in TASKS if task[0] in args.tasks)
    print("fine-tuning parity:", f"{failed} FAILED" if failed else "all within limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
