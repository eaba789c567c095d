#!/usr/bin/env python3
"""Training with bf16 matrix products beside fp32: 300 steps of a small model on made-up text that can be learned,
the same weights, batches, masks and dropout. The mean loss of every 50 steps must agree within 1 %.

    tools/parity/bf16_training_parity.py [--steps 300] [--probe build/tests/training_probe]
"""
import argparse
import pathlib
import sys
import tempfile

import numpy
import torch
from transformers import RobertaConfig, RobertaForMaskedLM

from model_parity import kernel_paths
from probe import BUILD
from training_parity import FAIRSEQ, run

LIMIT, WINDOW = 0.01, 50
MASK, FIRST = 4, 5
VOCABULARY = FIRST + 16 * 16
BATCH, LENGTH = 8, 64


def sentence(random):
    """Text about one of 16 topics with 16 words each, some more common than others, and often repeats the word before."""
    first = FIRST + 16 * int(random.integers(16))
    ids = [0]
    for _ in range(LENGTH - 2):
        again = len(ids) > 1 and random.random() < 0.3
        ids.append(ids[-1] if again else first + min(int(random.geometric(0.25)) - 1, 15))
    return ids + [2]


def batches(count):
    random = numpy.random.default_rng(3)
    steps = []
    for _ in range(count):
        batch = []
        for sample in range(BATCH):
            ids = sentence(random)
            positions = sorted(random.choice(numpy.arange(1, LENGTH - 1), LENGTH * 15 // 100, replace=False).tolist())
            targets = [ids[p] for p in positions]
            for p in positions:
                fate = random.random()
                ids[p] = MASK if fate < 0.8 else int(random.integers(FIRST, VOCABULARY)) if fate < 0.9 else ids[p]
            batch.append({"ids": ids, "sample": sample, "positions": positions, "targets": targets})
        steps.append([batch])
    return steps


def windows(losses):
    return [float(numpy.mean(losses[i:i + WINDOW])) for i in range(0, len(losses), WINDOW)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/training_probe"))
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.manual_seed(5)
    steps = batches(args.steps)
    rates = [2e-3 * min((i + 1) / 30, 1) * (1 - i / (args.steps + 1)) for i in range(args.steps)]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "model"
        RobertaForMaskedLM(RobertaConfig(
            vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=3, num_attention_heads=4, intermediate_size=512,
            max_position_embeddings=LENGTH + 2, type_vocab_size=1, layer_norm_eps=1e-5)).save_pretrained(directory)
        out = pathlib.Path(scratch) / "out"
        out.mkdir()
        best = kernel_paths(str(BUILD / "tests/model_probe"), directory)
        exact = windows(run(args.probe, directory, steps, rates, FAIRSEQ, out, kernels=best[0])["losses"])
        print(f"{'fp32 ' + best[0]:20}", *(f"{x:8.4f}" for x in exact))
        if exact[-1] > 0.8 * exact[0]:
            failed += 1
            print("the model learned nothing  FAILED")
        for kernels in dict.fromkeys((best[0], best[-2])):
            losses = windows(run(args.probe, directory, steps, rates, FAIRSEQ, out, kernels=kernels, dtype="bf16")["losses"])
            worst = max(abs(a / b - 1) for a, b in zip(losses, exact))
            failed += worst > LIMIT
            print(f"{'bf16 ' + kernels:20}", *(f"{x:8.4f}" for x in losses), f"{100 * worst:6.2f} %{'  FAILED' if worst > LIMIT else ''}",
                  flush=True)
    print("bf16 training parity:", f"{failed} FAILED" if failed else f"within 1 % of fp32 over {args.steps} steps")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
