#!/usr/bin/env python3
"""TensorBoard's own reader on the event files of a run that was killed and resumed: what it shows must be log.jsonl.

    tools/parity/tensorboard_parity.py [--roberta build/bin/roberta]
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from probe import BUILD

TAGS = {"train/loss": "loss", "train/bits": "bits", "train/learning_rate": "lr", "train/gradient_norm": "grad_norm",
        "validation/loss": "validation_loss", "validation/perplexity": "validation_perplexity"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--roberta", default=BUILD / "bin/roberta")
    args = parser.parse_args()
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        print("skipped: tensorboard is not installed")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        rng = random.Random(1)
        words = [bytes(rng.choices(b"abcdefghij", k=rng.randint(2, 7))).decode() for _ in range(300)]
        (folder / "text.txt").write_text("\n\n".join(" ".join(rng.choices(words, k=200)) for _ in range(200)))

        def roberta(*words):
            subprocess.run([args.roberta, *map(str, words), "-q"], check=True)

        roberta("train-tokenizer", "--vocab-size", 400, "--output", folder / "tokenizer", folder / "text.txt")
        roberta("prepare", "--tokenizer", folder / "tokenizer", "--held-out", 0.1, "--output", folder / "corpus", folder / "text.txt")
        train = ["pretrain", "--data", folder / "corpus", "--output", folder / "run", "--hidden-size", 32, "--num-hidden-layers", 1,
                 "--num-attention-heads", 2, "--length", 64, "--batch-samples", 8, "--max-steps", 60, "--logging-steps", 2,
                 "--eval-steps", 5, "--save-steps", 8]
        for _ in range(2):
            process = subprocess.Popen([args.roberta, *map(str, train), "-q"])
            time.sleep(0.5)
            process.kill()
            process.wait()
            time.sleep(1)  # the files are named by the second
        roberta(*train)
        rows = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
        events = EventAccumulator(str(folder / "run" / "tensorboard"))
        events.Reload()
        bad = compared = 0
        for tag, field in TAGS.items():
            want = [(row["step"], row[field]) for row in rows if field in row]
            got = [(event.step, event.value) for event in events.Scalars(tag)]
            compared += len(want)
            if [s for s, _ in want] != [s for s, _ in got] or any(abs(a - b) > 1e-6 * abs(a) for (_, a), (_, b) in zip(want, got)):
                bad += 1
                print(f"  {tag}:\n    log    {want}\n    events {got}")
    print(f"{compared} values of {len(TAGS)} tags, {bad} tags differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
