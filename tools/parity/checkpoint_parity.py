#!/usr/bin/env python3
"""A checkpoint of `roberta pretrain` in the hands of Hugging Face: transformers loads it, tokenizer included, without a missing
or unexpected tensor, and predicts the same as `roberta fill-mask`; safetensors reads the optimizer's state.

    tools/parity/checkpoint_parity.py [CHECKPOINT]

Without a checkpoint, a small model is trained for some steps on the texts of this project.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from probe import BUILD, ROOT

PROGRAM = os.environ.get("ROBERTA_BIN", str(BUILD / "bin/roberta"))
TEXTS = ["The <mask> is read from a file.", "A test must be <mask> to fail.", "One file is<mask> thing, 日本 é."]
SCORE_LIMIT = 1e-5


def roberta(*arguments):
    done = subprocess.run([PROGRAM, *(str(a) for a in arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"roberta {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def train(scratch):
    texts = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
    roberta("train-tokenizer", "-q", "--vocab-size", 1000, "--output", scratch / "tokenizer", *texts)
    roberta("prepare", "-q", "--tokenizer", scratch / "tokenizer", "--output", scratch / "corpus", *texts)
    roberta("pretrain", "-q", "--data", scratch / "corpus", "--output", scratch / "run", "--hidden-size", 48, "--num-hidden-layers", 2,
            "--num-attention-heads", 3, "--max-position-embeddings", 66, "--length", 64, "--batch-samples", 8, "--max-steps", 30,
            "--warmup-steps", 5, "--learning-rate", 3e-3, "--dtype", "bfloat16")
    return scratch / "run/checkpoint-30"


class Checks:
    failed = 0

    def that(self, what, good, figure=""):
        self.failed += not good
        print(f"{what:70} {figure or ('yes' if good else 'NO')}{'' if good else '  FAILED'}", flush=True)


def check_model(checks, directory):
    model, loaded = AutoModelForMaskedLM.from_pretrained(directory, output_loading_info=True, dtype=torch.float32)
    model.eval()
    checks.that("transformers knows every tensor and misses none", not any(loaded[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")))
    tokenizer = AutoTokenizer.from_pretrained(directory)
    worst, same = 0.0, True
    for text in TEXTS:
        answer = json.loads(roberta("fill-mask", "--model", directory, "--format", "json", "--top-k", 10, text))
        fills = answer if isinstance(answer[0], dict) else answer[0]
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            scores = model(input_ids=ids).logits[0, (ids[0] == tokenizer.mask_token_id).nonzero()[0, 0]].softmax(-1)
        worst = max(worst, max(abs(f["score"] - scores[f["token"]].item()) for f in fills))
        best = scores.topk(len(fills)).values
        same = same and all(abs(f["score"] - b.item()) <= SCORE_LIMIT for f, b in zip(fills, best))
    checks.that("the same scores as fill-mask, in the same order", same and worst <= SCORE_LIMIT, f"{worst:.1e}")


def check_state(checks, directory):
    state = load_file(directory / "optimizer.safetensors")
    weights = load_file(directory / "model.safetensors")
    names = {f"{moment}.{name}" for name in weights for moment in "mv"}
    checks.that("optimizer.safetensors holds m and v of every weight", set(state) == names)
    checks.that("in the same shapes, v never below 0", all(
        state[f"m.{n}"].shape == w.shape == state[f"v.{n}"].shape and bool((state[f"v.{n}"] >= 0).all()) for n, w in weights.items()))
    checks.that("weights are float32 and finite", all(w.dtype == torch.float32 and bool(w.isfinite().all()) for w in weights.values()))
    trainer = json.loads((directory / "trainer_state.json").read_text())
    checks.that("trainer_state.json is an object", isinstance(trainer, dict) and bool(trainer))


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else train(pathlib.Path(scratch))
        check_model(checks, directory)
        check_state(checks, directory)
    print("checkpoint parity:", f"{checks.failed} FAILED" if checks.failed else "transformers and safetensors read it as we do")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
