#!/usr/bin/env python3
"""Fine-tuning steps of every head against transformers in double precision, from the same random weights, in float32.

    tools/parity/head_parity.py [--probe build/tests/training_probe] [--steps 5]

Classification (with label smoothing too), regression, several labels at once, tokens and spans, on models of odd shapes:
the loss of each of some steps of AdamW within 1e-4 (relative), all gradients of the first within 1e-4 (relative to the
tensor's largest), weights at the end.
  padded    without dropout: the loss that transformers' own classes and Trainer's LabelSmoother compute on a padded batch
            (question answering: sequences of one length, as its softmax has the padding's logits in it, ours has not);
  single    sequences one by one, of mixed lengths;
  dropout   the same with the library's masks put into transformers' modules.
Also: the encoder frozen, learning rates that decay by layer, a batch as several micro-batches, every instruction set.
"""
import argparse
import pathlib
import random
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import RobertaConfig

import training_parity
from head_reference import MODELS, HeadReference, Objective, equal_lengths, make_batch, own_loss
from model_parity import BASE, kernel_paths, randomize
from probe import BUILD
from training_parity import SEED, TORCH, gradient_error, run, vanishing
from training_reference import Reference, TorchAdamW, dropout_key

LOSS_LIMIT = GRADIENT_LIMIT = 1e-4
WEIGHT_LIMIT = 0.01  # of the way that the tensor went: Adam lifts rounding errors of gradients near 0

WIDE = dict(hidden_size=96, type_vocab_size=2, vocab_size=700)
ODD = dict(hidden_size=17, num_attention_heads=1, intermediate_size=7)
LARGE = dict(hidden_size=192, intermediate_size=200, num_hidden_layers=2)
DROPOUT = dict(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
OWN_RATE = dict(hidden_dropout_prob=0.15, attention_probs_dropout_prob=0.0, classifier_dropout=0.3)
ONE = Objective("regression", 1)

# name, objective, config, way, what else: mode (frozen), layer_decay, parts (micro-batches)
CASES = [
    ("2 classes", Objective("classification", 2), {}, "padded", {}),
    ("3 classes, smoothing 0.1", Objective("classification", 3, 0.1), WIDE, "padded", {}),
    ("67 classes, width 17", Objective("classification", 67), ODD, "padded", {}),
    ("17 classes, smoothing 0.5", Objective("classification", 17, 0.5), LARGE, "single", {}),
    ("regression", ONE, {}, "padded", {}),
    ("regression, pad id 0", ONE, dict(pad_token_id=0, bos_token_id=1), "padded", {}),
    ("5 labels at once", Objective("multi_label", 5), WIDE, "padded", {}),
    ("33 labels at once, width 17", Objective("multi_label", 33), ODD, "padded", {}),
    ("tokens, 9 labels", Objective("tokens", 9), {}, "padded", {}),
    ("tokens, 13 labels, smoothing 0.2", Objective("tokens", 13, 0.2), LARGE, "padded", {}),
    ("spans, one length", Objective("spans"), {}, "padded", {}),
    ("spans, mixed lengths", Objective("spans"), WIDE, "single", {}),
    ("spans, width 17", Objective("spans"), ODD, "single", {}),
    ("3 classes, dropout", Objective("classification", 3), DROPOUT, "dropout", {}),
    ("2 classes, smoothing, own rate", Objective("classification", 2, 0.1), OWN_RATE, "dropout", {}),
    ("regression, dropout", ONE, {**WIDE, **DROPOUT}, "dropout", {}),
    ("4 labels at once, own rate", Objective("multi_label", 4), OWN_RATE, "dropout", {}),
    ("tokens, own rate", Objective("tokens", 5), OWN_RATE, "dropout", {}),
    ("spans, dropout", Objective("spans"), {**WIDE, **DROPOUT}, "dropout", {}),
    ("3 classes, encoder frozen", Objective("classification", 3), {}, "padded", dict(mode="frozen")),
    ("tokens, encoder frozen", Objective("tokens", 5), {}, "padded", dict(mode="frozen")),
    ("3 classes, layer decay 0.8", Objective("classification", 3), {}, "padded", dict(layer_decay=0.8)),
    ("5 labels, 3 micro-batches", Objective("multi_label", 5), {}, "padded", dict(parts=3)),
    ("spans, 2 micro-batches", Objective("spans"), DROPOUT, "dropout", dict(parts=2)),
]


def make_model(directory, objective, changes, seed):
    settings = {**BASE, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **changes}
    model = MODELS[objective.kind](RobertaConfig(**settings, **objective.settings()))
    randomize(model, seed)
    with torch.no_grad():  # as training has them: padding rows start at nothing and stay there
        model.roberta.embeddings.word_embeddings.weight[model.config.pad_token_id] = 0
    model.save_pretrained(directory)
    return model.config


def batch_of(config, objective, way, rng, first_sample):
    if objective.kind == "spans" and way == "padded":
        return equal_lengths(config, objective, rng, first_sample, 6, 41)
    return make_batch(config, objective, rng, first_sample)


def layer_scale(name, layers, decay):
    """Of the learning rate: 1 for the head, decay for the last layer, decay^(L + 1) for the embeddings."""
    if not name.startswith("roberta."):
        return 1.0
    parts = name.split(".")
    return decay ** (layers - int(parts[3]) if parts[1] == "encoder" else layers + 1)


class Expected:
    """The reference's run of one case: losses, gradients of the first step, weights at the end."""

    def __init__(self, directory, objective, way, batches, rates, mode="full", layer_decay=1.0):
        if way == "padded":
            self.model = MODELS[objective.kind].from_pretrained(directory, dtype=torch.float64, attn_implementation="eager").train()
        else:
            reference = HeadReference(Reference.open(MODELS[objective.kind], directory), objective)
            self.model = reference.model
        if mode == "frozen":
            self.model.roberta.requires_grad_(False)
        parameters = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        self.start = {n: p.detach().clone() for n, p in parameters.items()}
        scales = {n: layer_scale(n, self.model.config.num_hidden_layers, layer_decay) for n in parameters}
        adam = TorchAdamW(parameters, TORCH["betas"], TORCH["eps"], TORCH["weight_decay"], True, scales)
        self.losses = []
        for i, (batch, rate) in enumerate(zip(batches, rates)):
            if way == "padded":
                self.model.zero_grad()
                loss = own_loss(self.model, objective, batch)
                loss.backward()
                self.losses.append(loss.item())
            else:
                self.losses.append(reference.gradients(batch, dropout_key(SEED, i + 1) if way == "dropout" else None))
            if i == 0:
                self.gradients = {n: p.grad.clone() for n, p in parameters.items()}
            adam.step(rate)
        self.weights = {n: p.detach() for n, p in parameters.items()}


class Table:
    def __init__(self):
        self.failed = 0
        print(f"{'case':34} {'way':8} {'path':14} {'loss':>8} {'gradient':>9} {'weights':>8}  worst gradient")

    def row(self, name, way, path, loss, gradient, weights, mistake=""):
        good = loss <= LOSS_LIMIT and gradient[0] <= GRADIENT_LIMIT and weights <= WEIGHT_LIMIT and not mistake
        self.failed += not good
        print(f"{name:34} {way:8} {path:14} {loss:8.1e} {gradient[0]:9.1e} {weights:8.1e}  {gradient[1]}"
              f"{'' if good else f'  FAILED {mistake}'}", flush=True)


def weight_error(mine, expected):
    """Length of a tensor's difference at the end, relative to the way that it went."""
    without = vanishing(expected.gradients)
    return max(((mine[n].double() - w).norm() / (w - expected.start[n]).norm()).item() for n, w in expected.weights.items()
               if n not in without)


def frozen_mistake(directory, weights, expected):
    """Weights that should have stayed as they were."""
    for name, start in load_file(directory / "model.safetensors").items():
        if name not in expected.weights and not torch.equal(weights[name], start):
            return f"{name} moved"
    return ""


def compare_case(args, table, number):
    name, objective, changes, way, options = CASES[number]
    options = dict(options)
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "model"
        config = make_model(directory, objective, changes, number)
        rng = random.Random(number)
        batches = [batch_of(config, objective, way, rng, 100 * i) for i in range(args.steps)]
        rates = [1e-3 * (1 - i / args.steps) for i in range(args.steps)]
        parts = options.pop("parts", 1)
        expected = Expected(directory, objective, way, batches, rates, **options)
        steps = [[batch[i::parts] for i in range(parts)] for batch in batches]
        paths = args.kernels if number in (1, 6, 8, 11) else [None]
        for device, kernels in [(d, k) for d in args.device for k in (paths if d == "cpu" else [None])]:
            out = pathlib.Path(scratch) / f"{device}{kernels}"
            out.mkdir()
            mine = run(args.probe, directory, steps, rates, TORCH, out, kernels, device=device, objective=objective.request(), **options)
            loss = max(abs(a - b) / b for a, b in zip(mine["losses"], expected.losses))
            gradients, weights = load_file(out / "gradients.safetensors"), load_file(out / "weights.safetensors")
            mistake = "" if gradients.keys() == expected.gradients.keys() else f"gradients of {sorted(gradients.keys() ^ expected.gradients.keys())[:3]}"
            table.row(name, way, f"{device} {kernels or ''}", loss, gradient_error(gradients, expected.gradients),
                      weight_error(weights, expected), mistake or frozen_mistake(directory, weights, expected))


def kernels_here():
    with tempfile.TemporaryDirectory() as directory:
        training_parity.make_model(directory, {}, 0)
        return kernel_paths(str(BUILD / "tests/model_probe"), directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/training_probe"))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(CASES)))
    parser.add_argument("--device", nargs="*", default=["cpu", "ref"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.kernels = kernels_here()
    table = Table()
    for number in args.cases:
        compare_case(args, table, number)
    print("head parity:", f"{table.failed} FAILED" if table.failed else "all within limits")
    sys.exit(1 if table.failed else 0)


if __name__ == "__main__":
    main()
