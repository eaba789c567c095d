#!/usr/bin/env python3
"""The same time for both: `roberta pretrain` and transformers + PyTorch train the same shape on the same corpus for some
minutes each, from the same weights, with the same tokenizer (the corpus's), batch, learning rate and schedule; then the held-out loss of both final
models, by the same program on the same masks.

    tools/bench/equal_clock.py --corpus DIR --held-out FILE --minutes 20 [--threads 2] [--work DIR]
    ... --together      both at once, each with half of the threads: on a machine whose speed wanders

--corpus is what `roberta prepare` wrote, --held-out text that neither has seen. PyTorch's clock starts after its imports and
its choice of the fastest variant (train_torch.py); ours with the process. Ours trains as many steps as fit, by the speed of a
short run before, and stops at the time in any case. Needs the interpreter of PEERS (default ~/peers). Prints JSON lines.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers"))) / "venv/bin/python"


def emit(**row):
    print(json.dumps(row), flush=True)


class Comparison:
    def __init__(self, args):
        self.args = args
        self.program = str(pathlib.Path(args.build) / "bin/roberta")
        self.work = args.work
        self.start = args.work / "start"
        self.threads = max(1, args.threads // 2) if args.together else args.threads

    def roberta(self, *arguments, output=False):
        command = [self.program, *(str(a) for a in arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE if output else subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"equal_clock: {' '.join(command)}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def pretrain(self, name, steps, *more):
        """Our run; its last checkpoint, trainer state and seconds."""
        a = self.args
        begin = time.perf_counter()
        self.roberta("pretrain", "-q", "--data", a.corpus, "--output", self.work / name, "--model", self.start,
                     "--length", a.length, "--batch-samples", a.batch,
                     "--max-steps", steps, "--warmup-steps", round(a.warmup * steps), "--learning-rate", a.lr, "--weight-decay",
                     a.weight_decay, "--dtype", "bfloat16", "--threads", self.threads, "--seed", a.seed, *more)
        seconds = time.perf_counter() - begin
        directory = max((self.work / name).glob("checkpoint-*"), key=lambda d: int(d.name.split("-")[1]))
        return directory, json.loads((directory / "trainer_state.json").read_text()), seconds

    def trial(self):
        """Makes the weights that both start from, and learns our speed."""
        a = self.args
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.roberta("init", "-q", "--tokenizer", a.corpus / "tokenizer", "--num-hidden-layers", a.layers, "--hidden-size", a.width,
                     "--num-attention-heads", a.heads, "--intermediate-size", a.inner, "--max-position-embeddings", a.length + 2,
                     "--sinusoidal-positions", a.sinusoidal_positions, "--seed", a.seed, "--output", self.start)
        self.pretrain("warm", 2)
        self.measure(10)
        self.measure(max(11, round(20 * self.speed / (self.args.batch * self.args.length))))  # some 20 seconds

    def measure(self, steps):
        _, state, _ = self.pretrain(f"trial{steps}", steps)
        self.speed = state["tokens"] / state["seconds"]

    def ours(self):
        a = self.args
        tokens = a.batch * a.length
        # A run that is late is cut off by --max-minutes, before its learning rate has come down; 3 % for a slower moment.
        steps = max(1, int(self.speed * a.minutes * 60 / tokens * 0.97))
        emit(side="ours", trial_tokens_per_s=round(self.speed, 1), steps=steps)
        directory, state, seconds = self.pretrain("ours", steps, "--max-minutes", a.minutes)
        return self.final("ours", directory, steps=state["global_step"], planned=steps, seconds=round(seconds, 1),
                          tokens=state["tokens"], tokens_per_s=round(state["tokens"] / state["seconds"], 1))

    def torch(self):
        a = self.args
        command = [PYTHON, HERE / "train_torch.py", "--corpus", a.corpus, "--config", self.start, "--output", self.work / "torch",
                   "--minutes", a.minutes, "--threads", self.threads, "--batch", a.batch, "--length", a.length, "--lr", a.lr,
                   "--warmup", a.warmup, "--weight-decay", a.weight_decay, "--variant", a.variant, "--seed", a.seed]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"equal_clock: train_torch.py: {done.stderr.strip()[-2000:]}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        for name in ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(self.start / name, self.work / "torch")
        for row in rows:
            if "variant" in row and "final" not in row:
                emit(side="torch", **row)
        result = {k: v for k, v in rows[-1].items() if k != "final"}
        result["train_loss"] = result.pop("loss")
        return self.final("torch", self.work / "torch", **result)

    def final(self, side, directory, **facts):
        a = self.args
        answer = json.loads(self.roberta("evaluate", "mlm", "-q", "--model", directory, "--format", "json", "--length", a.length,
                                         *a.held_out, output=True))
        emit(side=side, held_out_loss=answer["loss"], masked_tokens=answer["masked_tokens"], **facts)
        return answer["loss"]

    def run(self):
        sides, losses = {"ours": self.ours, "torch": self.torch}, {}

        def one(side):
            losses[side] = sides[side]()
        workers = [threading.Thread(target=one, args=(side,)) for side in self.args.sides]
        for worker in workers:
            worker.start()
            if not self.args.together:
                worker.join()
        for worker in workers:
            worker.join()
        if len(losses) == 2:
            emit(minutes=self.args.minutes, threads=self.threads, together=self.args.together,
                 below_torch_nats=round(losses["torch"] - losses["ours"], 4), **{f"{k}_loss": v for k, v in losses.items()})
        return 0 if len(losses) == len(workers) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--held-out", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--sides", nargs="+", choices=["ours", "torch"], default=["ours", "torch"], help="in this order")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--inner", type=int, default=1024)
    parser.add_argument("--sinusoidal-positions", type=float, default=0.04, help="of the weights that both start from")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32, help="sequences a step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=float, default=0.06, help="share of the steps or time")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--variant", default="auto", help="of train_torch.py")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("equal_clock"), help="made anew")
    args = parser.parse_args()
    if not PYTHON.is_file():
        print(f"SKIPPED: no {PYTHON} (set PEERS)")
        return 0
    comparison = Comparison(args)
    comparison.trial()
    return comparison.run()


if __name__ == "__main__":
    sys.exit(main())
