#!/usr/bin/env python3
"""LoRA against PEFT, in double precision on PEFT's side.

    tools/parity/lora_parity.py [--probe build/tests/training_probe] [--roberta build/bin/roberta] [--steps 20]

training  from the same base, A, B and head: the loss of each of 20 steps of AdamW, the gradients of A, B and head of the
          first within 1e-4 (relative), the weights at the end; the base must not move at all.
files     an adapter that PEFT wrote, in `roberta classify`: the logits are PEFT's. `roberta merge` of it, loaded by
          transformers: those of PEFT's merge_and_unload. An adapter that `roberta finetune` wrote, loaded by PEFT: the
          logits are those of `roberta classify`, and merged as well.
"""
import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification, RobertaTokenizerFast

import head_parity
from head_parity import LARGE, ODD, OWN_RATE, WIDE, Table, weight_error
from head_reference import MODELS, HeadReference, Objective, make_batch
from model_parity import randomize
from pipeline_parity import Check
from probe import BUILD, shared_data
from training_parity import SEED, TORCH, gradient_error, run
from training_reference import Reference, TorchAdamW, dropout_key

TASKS = {"tokens": TaskType.TOKEN_CLS, "spans": TaskType.QUESTION_ANS}
QUERY_VALUE = ["query", "value"]
ALL_LINEAR = ["query", "key", "value", "dense"]
LOGIT_LIMIT = 2e-5  # of fp32 logits of some size, relative to the largest

# name, objective, config, adapter
CASES = [
    ("query and value, r 8", Objective("classification", 3), {}, dict(r=8, lora_alpha=16, target_modules=QUERY_VALUE)),
    ("only value, r 3", Objective("regression", 1), WIDE, dict(r=3, lora_alpha=8, target_modules=["value"])),
    ("only query, r 1, width 17", Objective("tokens", 5), ODD, dict(r=1, lora_alpha=4, target_modules=["query"])),
    ("key, r 5", Objective("spans"), {}, dict(r=5, lora_alpha=7, target_modules=["key"])),
    ("all linear maps, r 4", Objective("classification", 2), LARGE, dict(r=4, lora_alpha=8, target_modules=ALL_LINEAR)),
    ("both outputs, r 16", Objective("multi_label", 5), {}, dict(r=16, lora_alpha=16, target_modules=["output.dense"])),
    ("inner, r 4", Objective("tokens", 3), WIDE, dict(r=4, lora_alpha=8, target_modules=["intermediate.dense"])),
    ("rank stabilised, r 9", Objective("spans"), WIDE, dict(r=9, lora_alpha=12, target_modules=ALL_LINEAR, use_rslora=True)),
    ("query and value, dropout", Objective("classification", 3), OWN_RATE, dict(r=8, lora_alpha=128, target_modules=QUERY_VALUE)),
]


def own_name(name):
    """PEFT's name of a parameter as the library's: the model's own, with lora_A and lora_B after that of the map."""
    for part in ("base_model.model.", ".default", ".modules_to_save", ".base_layer"):
        name = name.replace(part, "")
    return name


def adapt(model, objective, adapter, seed):
    """PEFT's model with A and B of some size (its own B is zero), rounded to float as files have them."""
    peft = get_peft_model(model, LoraConfig(task_type=TASKS.get(objective.kind, TaskType.SEQ_CLS), lora_dropout=0.0, **adapter),
                          autocast_adapter_dtype=False)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if ".lora_" in name:
                p.copy_((torch.randn(p.shape, generator=generator) * 0.3 / p.shape[1] ** 0.5).to(p.dtype))
    return peft


class Expected:
    """PEFT's run of one case."""

    def __init__(self, directory, objective, adapter, batches, rates, dropout):
        model = Reference.open(MODELS[objective.kind], directory)
        # PEFT's copy of the head is what is trained, so dropout is put in before it is made.
        reference = HeadReference(model, objective)
        peft = adapt(model, objective, adapter, SEED).train()
        parameters = {own_name(n): p for n, p in peft.named_parameters() if p.requires_grad}
        self.start = {n: p.detach().clone() for n, p in parameters.items()}
        adam = TorchAdamW(parameters, TORCH["betas"], TORCH["eps"], TORCH["weight_decay"], True)
        self.losses = []
        for i, (batch, rate) in enumerate(zip(batches, rates)):
            for p in parameters.values():
                p.grad = None
            self.losses.append(reference.gradients(batch, dropout_key(SEED, i + 1) if dropout else None))
            if i == 0:
                self.gradients = {n: p.grad.clone() for n, p in parameters.items()}
            adam.step(rate)
        self.weights = {n: p.detach() for n, p in parameters.items()}


def moved(directory, weights, expected):
    for name, start in load_file(directory / "model.safetensors").items():
        if name not in expected.weights and not torch.equal(weights[name], start):
            return f"{name} moved"
    return ""


def training(args, table, number):
    name, objective, changes, adapter = CASES[number]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch) / "model"
        config = head_parity.make_model(directory, objective, changes, 50 + number)
        rng = random.Random(number)
        batches = [make_batch(config, objective, rng, 100 * i) for i in range(args.steps)]
        rates = [2e-3 * (1 - i / args.steps) for i in range(args.steps)]
        dropout = config.hidden_dropout_prob > 0
        expected = Expected(directory, objective, adapter, batches, rates, dropout)
        save_file({n: w.float().contiguous() for n, w in expected.start.items()}, f"{scratch}/start.safetensors")
        lora = {"r": adapter["r"], "alpha": adapter["lora_alpha"], "rslora": adapter.get("use_rslora", False),
                "targets": adapter["target_modules"]}
        for device in args.device:
            out = pathlib.Path(scratch) / device
            out.mkdir()
            mine = run(args.probe, directory, [[b] for b in batches], rates, TORCH, out, device=device, mode="lora", lora=lora,
                       objective=objective.request(), values=f"{scratch}/start.safetensors")
            loss = max(abs(a - b) / b for a, b in zip(mine["losses"], expected.losses))
            gradients, weights = load_file(out / "gradients.safetensors"), load_file(out / "weights.safetensors")
            mistake = "" if gradients.keys() == expected.gradients.keys() else f"trained {sorted(gradients.keys() ^ expected.gradients.keys())[:3]}"
            table.row(name, "dropout" if dropout else "single", device, loss, gradient_error(gradients, expected.gradients),
                      weight_error(weights, expected), mistake or moved(directory, weights, expected))


TEXTS = ["Paris is the capital of France.", "a", "They sang all night, and nobody slept; the neighbours were kind.",
         "No weapons of mass destruction were found.", "1999 was a year like any other year, some say.", "caf\u00e9 na\u00efve \u65e5\u672c\u8a9e"]


def base_model(directory, bpe):
    """A small masked language model with RoBERTa's vocabulary and weights of some size."""
    RobertaTokenizerFast(vocab=str(bpe / "vocab.json"), merges=str(bpe / "merges.txt")).save_pretrained(directory)
    model = RobertaForSequenceClassification(RobertaConfig(
        vocab_size=50265, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, num_labels=3,
        id2label={0: "low", 1: "middle", 2: "high"}, label2id={"low": 0, "middle": 1, "high": 2}))
    randomize(model, 4)
    model.save_pretrained(directory)


@torch.no_grad()
def logits_of(model, tokenizer, texts):
    model.eval()
    return [model(**tokenizer(t, return_tensors="pt")).logits[0].double() for t in texts]


def classify(args, directory, labels):
    """Logits of `roberta classify`, in the order of the labels."""
    rows = "".join(json.dumps({"text": t}) + "\n" for t in TEXTS)
    done = subprocess.run([args.roberta, "classify", "--model", str(directory), "--input", "jsonl", "--format", "json", "--all-scores",
                           "--function", "none"], input=rows, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"roberta classify --model {directory}: {done.stderr}")
    scores = [{s["label"]: s["score"] for s in json.loads(line)} for line in done.stdout.splitlines()]
    return [torch.tensor([s[label] for label in labels], dtype=torch.float64) for s in scores]


def same_logits(name, mine, theirs):
    check = Check(name)
    scale = max(t.abs().max().item() for t in theirs)
    for text, a, b in zip(TEXTS, mine, theirs):
        check.near((a - b).abs().max().item() / scale, 0.0, LOGIT_LIMIT, text)
    return check.done()


def roberta(args, *words):
    done = subprocess.run([args.roberta, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"roberta {' '.join(map(str, words))}: {done.stderr}")


def their_files(args, scratch, base, tokenizer, adapter):
    """PEFT's files, read by the program."""
    name = f"PEFT's adapter of {','.join(adapter['target_modules'])}"
    model = adapt(RobertaForSequenceClassification.from_pretrained(base), Objective("classification", 3), adapter, 9)
    with torch.no_grad():  # another head than the base's
        for p in model.classifier.modules_to_save["default"].parameters():
            p.add_(torch.randn(p.shape) * 0.1)
    directory, merged = scratch / "theirs", scratch / "merged"
    model.save_pretrained(directory)
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        if (base / file).exists():
            shutil.copy(base / file, directory)
    labels = ["low", "middle", "high"]
    theirs = logits_of(model, tokenizer, TEXTS)
    failed = same_logits(name, classify(args, directory, labels), theirs)
    roberta(args, "merge", "--model", directory, "--output", merged)
    loaded = logits_of(RobertaForSequenceClassification.from_pretrained(merged), tokenizer, TEXTS)
    failed += same_logits(f"{name}, merged", loaded, logits_of(model.merge_and_unload(), tokenizer, TEXTS))
    shutil.rmtree(directory)
    shutil.rmtree(merged)
    return failed


def our_files(args, scratch, base, tokenizer, words):
    """Files of `roberta finetune`, read by PEFT."""
    rng = random.Random(5)
    train, output = scratch / "train.tsv", scratch / "ours"
    train.write_text("sentence\tlabel\n" + "".join(f"{' '.join(rng.choices(TEXTS[2].split(), k=9))}\t{rng.choice(['low', 'middle', 'high'])}\n"
                                                  for _ in range(64)))
    roberta(args, "finetune", "-q", "--task", "text-classification", "--train-file", train, "--model", base, "--output", output,
            "--max-steps", 8, "--learning-rate", "1e-2", "--eval-strategy", "no", *words)
    config = json.loads((output / "adapter_config.json").read_text())
    weights = load_file(output / "adapter_model.safetensors")
    assert any(v.abs().max() > 0 for n, v in weights.items() if "lora_B" in n), "B was not trained"
    start = RobertaForSequenceClassification.from_pretrained(base, num_labels=3)
    model = PeftModel.from_pretrained(start, output)
    order = json.loads((output / "config.json").read_text())["id2label"] if (output / "config.json").exists() else {0: "high", 1: "low", 2: "middle"}
    labels = [order[k] for k in sorted(order, key=int)]
    name = f"our adapter of {','.join(config['target_modules'])}{' rs' if config.get('use_rslora') else ''}"
    theirs = logits_of(model, tokenizer, TEXTS)
    failed = same_logits(name, classify(args, output, labels), theirs)
    merged = scratch / "ours-merged"
    roberta(args, "merge", "--model", output, "--output", merged)
    failed += same_logits(f"{name}, merged", classify(args, merged, labels), logits_of(model.merge_and_unload(), tokenizer, TEXTS))
    shutil.rmtree(output)
    shutil.rmtree(merged)
    return failed


def files(args):
    bpe = shared_data("roberta_bpe")
    if not bpe:
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        base = scratch / "base"
        base_model(base, bpe)
        tokenizer = AutoTokenizer.from_pretrained(base)
        for adapter in (dict(r=8, lora_alpha=16, target_modules=QUERY_VALUE),
                        dict(r=4, lora_alpha=8, target_modules=ALL_LINEAR, use_rslora=True)):
            failed += their_files(args, scratch, base, tokenizer, adapter)
        for words in (("--lora-r", 8), ("--lora-r", 4, "--lora-alpha", 8, "--lora-targets", "query,key,value,dense")):
            failed += our_files(args, scratch, base, tokenizer, words)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/training_probe"))
    parser.add_argument("--roberta", default=str(BUILD / "bin/roberta"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(CASES)))
    parser.add_argument("--device", nargs="*", default=["cpu", "ref"])
    parser.add_argument("--only", choices=["training", "files"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    failed = 0
    if args.only != "files":
        table = Table()
        for number in args.cases:
            training(args, table, number)
        failed += table.failed
    if args.only != "training":
        failed += files(args)
    print("LoRA parity:", f"{failed} FAILED" if failed else "all within limits")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
