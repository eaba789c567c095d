#!/usr/bin/env python3
"""Training steps against PyTorch + transformers in double precision, from the same random weights, in float32.

    tools/parity/training_parity.py [--probe build/tests/training_probe] [--steps 20]

For models of odd shapes, on `cpu` with every instruction set that runs here and on `ref`:
  without dropout   20 steps on fixed masks: the loss of each within 1e-4 (relative), all gradients of the first within 1e-4
                    (relative to the tensor's largest), weights at the end beside fairseq's Adam and torch.optim.AdamW;
  with dropout      the same with the library's dropout masks, computed again here from their definition, put into transformers'
                    own modules: this holds where dropout happens and that the way back uses the same masks;
  optimizer only    20 steps of fairseq's Adam and torch.optim.AdamW in double on the library's own gradients;
  another way       one batch as 4 micro-batches, and activations computed again: each tensor's gradient within 1e-6 of the plain
                    way's (length of the difference over length).
Some parameters have no influence on the loss (the key bias, as softmax takes it out): their gradients must vanish beside the
largest of all.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import RobertaConfig, RobertaForMaskedLM

from model_parity import BASE, kernel_paths, randomize
from probe import BUILD
from training_reference import FairseqAdam, Reference, TorchAdamW, dropout_key

LOSS_LIMIT = GRADIENT_LIMIT = 1e-4
ACCUMULATION_LIMIT = 1e-6
OPTIMIZER_LIMIT = 2e-6  # of the tensor's largest weight: rounding of 20 steps
WEIGHT_LIMIT = 0.02  # of what a weight has moved at most; Adam lifts rounding errors of gradients near 0
SEED = 17

# name, config, optimizer
FAIRSEQ = dict(kind="fairseq", betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, decay_all=True)
TORCH = dict(kind="torch", betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05, decay_all=False)
DROPOUT = dict(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
CASES = [
    ("heads of 20", {}, FAIRSEQ),
    ("heads of 32, 2 token types", dict(hidden_size=96, type_vocab_size=2, vocab_size=700), TORCH),
    ("one head of 17, ffn 7", dict(hidden_size=17, num_attention_heads=1, intermediate_size=7), FAIRSEQ),
    ("heads of 64, ffn 200", dict(hidden_size=192, intermediate_size=200, num_hidden_layers=2), TORCH),
    ("untied decoder, pad id 0", dict(tie_word_embeddings=False, pad_token_id=0, bos_token_id=1), FAIRSEQ),
    ("dropout 0.1", DROPOUT, FAIRSEQ),
    ("dropout 0.3 and 0.15, heads of 13", dict(hidden_size=39, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.15),
     FAIRSEQ),
    ("only attention dropout", dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.2), FAIRSEQ),
]


def make_model(directory, changes, seed):
    settings = {**BASE, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **changes}
    model = RobertaForMaskedLM(RobertaConfig(**settings))
    randomize(model, seed)
    with torch.no_grad():  # as training has them: padding rows start at nothing and stay there
        model.roberta.embeddings.word_embeddings.weight[model.config.pad_token_id] = 0
    model.save_pretrained(directory)
    return model.config


def make_batch(config, rng, first_sample, count=6):
    """Mixed lengths, 20 % of the tokens masked; sequence `first_sample` has all of its tokens masked."""
    longest = config.max_position_embeddings - config.pad_token_id - 1
    batch = []
    for i in range(count):
        length = (3, longest)[i] if i < 2 else rng.randint(5, min(60, longest))
        ids = [rng.randrange(config.pad_token_id + 1, config.vocab_size) for _ in range(length)]
        share = length if i == 0 else max(1, length // 5)
        positions = sorted(rng.sample(range(length), share))
        targets = [ids[p] for p in positions]
        for p in positions:
            ids[p] = config.vocab_size - 1 if rng.random() < 0.8 else rng.randrange(config.pad_token_id + 1, config.vocab_size)
        batch.append({"ids": ids, "sample": first_sample + i, "positions": positions, "targets": targets})
    return batch


def run(probe, directory, steps, learning_rates, optimizer, out, kernels=None, **options):
    """What the library computes: {"losses", "norms"}; its gradients and weights lie in `out`."""
    request = {"model": str(directory), "steps": steps, "learning_rates": learning_rates, "optimizer": optimizer,
               "seed": SEED, "out": str(out), **options}
    environment = dict(os.environ, **({"ROBERTA_CPU": kernels} if kernels else {}))
    done = subprocess.run([probe], input=json.dumps(request), env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{probe}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def vanishing(gradients):
    """Names of parameters without influence on the loss: their gradients are rounding errors of double precision."""
    largest = max(g.abs().max().item() for g in gradients.values())
    return {n for n, g in gradients.items() if g.abs().max().item() < 1e-12 * largest}


def gradient_error(mine, theirs):
    """Largest difference, relative to the tensor's largest, and its name; of those without influence relative to the largest
    of all."""
    worst, without = (0.0, ""), vanishing(theirs)
    largest = max(g.abs().max().item() for g in theirs.values())
    for name, reference in theirs.items():
        difference = (mine[name].double() - reference).abs().max().item()
        worst = max(worst, (difference / (largest if name in without else reference.abs().max().item()), name))
    return worst


def make_optimizer(parameters, optimizer):
    settings = parameters, optimizer["betas"], optimizer["eps"], optimizer["weight_decay"]
    return FairseqAdam(*settings) if optimizer["kind"] == "fairseq" else TorchAdamW(*settings, not optimizer["decay_all"])


class Expected:
    """The reference's run of one case: losses, gradients of the first step, weights at the end."""

    def __init__(self, directory, steps, learning_rates, optimizer):
        reference = Reference(directory)
        parameters = reference.named()
        self.start = {n: p.detach().clone() for n, p in parameters.items()}
        adam = make_optimizer(parameters, optimizer)
        self.losses = []
        dropout = reference.model.config.hidden_dropout_prob + reference.model.config.attention_probs_dropout_prob > 0
        for i, (micro_batches, lr) in enumerate(zip(steps, learning_rates)):
            batch = [sequence for micro_batch in micro_batches for sequence in micro_batch]
            self.losses.append(reference.gradients(batch, dropout_key(SEED, i + 1) if dropout else None))
            if i == 0:
                self.gradients = {n: p.grad.clone() for n, p in parameters.items()}
            adam.step(lr)
        self.weights = {n: p.detach() for n, p in parameters.items()}


class Table:
    def __init__(self):
        self.failed = 0
        print(f"{'model':34} {'path':20} {'loss':>8} {'gradient':>9} {'weights':>8}  worst gradient")

    def row(self, name, path, loss, gradient, weights):
        good = loss <= LOSS_LIMIT and gradient[0] <= GRADIENT_LIMIT and weights <= WEIGHT_LIMIT
        self.failed += not good
        print(f"{name:34} {path:20} {loss:8.1e} {gradient[0]:9.1e} {weights:8.1e}  {gradient[1]}{'' if good else '  FAILED'}",
              flush=True)


def compare_case(args, table, number, case):
    name, changes, optimizer = case
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "model"
        config = make_model(directory, changes, number)
        rng = random.Random(number)
        steps = [[make_batch(config, rng, 100 * i)] for i in range(args.steps)]
        rates = [2e-3 * min(i + 1, 5) / 5 * (1 - i / args.steps) for i in range(args.steps)]
        expected = None
        paths = kernel_paths(str(BUILD / "tests/model_probe"), directory) if number in (0, 5) else [None]
        for device, kernels in [(d, k) for d in args.device for k in (paths if d == "cpu" else [None])]:
            out = pathlib.Path(scratch) / f"{device}{kernels}"
            out.mkdir()
            mine = run(args.probe, directory, steps, rates, optimizer, out, device=device, kernels=kernels)
            expected = expected or Expected(directory, steps, rates, optimizer)
            loss = max(abs(a - b) / b for a, b in zip(mine["losses"], expected.losses))
            gradient = gradient_error(load_file(out / "gradients.safetensors"), expected.gradients)
            weights = weight_error(load_file(out / "weights.safetensors"), expected)
            table.row(name, f"{device} {kernels or ''} {optimizer['kind']}", loss, gradient, weights)


def weight_error(mine, expected):
    """Largest difference of a weight at the end, relative to the farthest way that a weight of its tensor went."""
    worst, without = 0.0, vanishing(expected.gradients)
    for name, reference in expected.weights.items():
        if name not in without:  # those are moved only by rounding errors
            way = (reference - expected.start[name]).abs().max().item()
            worst = max(worst, (mine[name].double() - reference).abs().max().item() / way)
    return worst


def optimizer_alone(probe, directory, steps, rates, optimizer, device, kernels):
    """The reference's optimizer in double, fed with our gradients of every step, beside our weights."""
    with tempfile.TemporaryDirectory() as out:
        run(probe, directory, steps, rates, optimizer, out, device=device, kernels=kernels, all_gradients=True)
        start = load_file(pathlib.Path(directory) / "model.safetensors")
        mine = load_file(f"{out}/weights.safetensors")
        parameters = {n: start[n].double().requires_grad_() for n in mine}
        adam = make_optimizer(parameters, optimizer)
        for i, rate in enumerate(rates):
            for name, gradient in load_file(f"{out}/gradients-{i + 1}.safetensors").items():
                parameters[name].grad = gradient.double()
            adam.step(rate)
    return max(((mine[n].double() - p).abs().max() / p.abs().max()).item() for n, p in parameters.items())


def optimizers(probe, table, devices):
    with tempfile.TemporaryDirectory() as directory:
        config = make_model(directory, {}, 3)
        steps = [[make_batch(config, random.Random(i), 0)] for i in range(20)]
        rates = [1e-3 * min(i + 1, 5) / 5 for i in range(20)]
        paths = kernel_paths(str(BUILD / "tests/model_probe"), directory)
        for optimizer in (FAIRSEQ, TORCH):
            for device, kernels in [(d, k) for d in devices for k in (paths if d == "cpu" else [None])]:
                worst = optimizer_alone(probe, directory, steps, rates, optimizer, device, kernels)
                table.failed += worst > OPTIMIZER_LIMIT
                print(f"optimizer only, 20 steps: {optimizer['kind']:8} {device:4} {kernels or '':12} {worst:8.1e} of the largest weight"
                      f"{'' if worst <= OPTIMIZER_LIMIT else '  FAILED'}", flush=True)


def same_another_way(probe, device):
    """One batch as 4 micro-batches, and with activations computed again on the way back; how many of the two differ."""
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "model"
        config = make_model(directory, DROPOUT, 99)
        whole = make_batch(config, random.Random(99), 0, 16)
        parts = [whole[i:i + 4] for i in range(0, 16, 4)]
        first = None
        for name, step, options in (("whole", [whole], {}), ("4 micro-batches", parts, {}),
                                    ("recomputed activations", [whole], {"recompute": True})):
            out = pathlib.Path(scratch) / name.replace(" ", "-")
            out.mkdir()
            run(probe, directory, [step], [1e-3], FAIRSEQ, out, device=device, **options)
            gradients = load_file(out / "gradients.safetensors")
            first = first or {n: g.double() for n, g in gradients.items()}
            worst = max(((gradients[n].double() - g).norm() / g.norm()).item() for n, g in first.items() if not n.endswith("key.bias"))
            good = worst <= ACCUMULATION_LIMIT
            failed += not good
            if name != "whole":
                print(f"{device}: {name} beside one batch: gradients differ by {worst:.1e}{'' if good else '  FAILED'}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/training_probe"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(CASES)))
    parser.add_argument("--device", nargs="*", default=["cpu", "ref"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    table = Table()
    for number in args.cases:
        compare_case(args, table, number, CASES[number])
    optimizers(args.probe, table, args.device)
    failed = table.failed + sum(same_another_way(args.probe, device) for device in args.device)
    print("training parity:", f"{failed} FAILED" if failed else "all within limits")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
