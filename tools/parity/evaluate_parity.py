#!/usr/bin/env python3
"""`roberta evaluate` against transformers and torch.

    tools/parity/evaluate_parity.py [--roberta build/bin/roberta] [--model DIR] [--blocks 8] [--pairs 2]

mlm: the blocks must hold what the tokenizer of transformers makes of the documents, and the loss over the same masks be
that of RobertaForMaskedLM. blimp: the accuracy of every paradigm must be that of a plain loop over the sentences. The
model is a sharp random one with RoBERTa's own vocabulary, or --model. Text and pairs: ROBERTA_SHARED.
"""
import argparse
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import torch
from transformers import AutoTokenizer, RobertaForMaskedLM

from pipeline_parity import Check, sharp_model
from probe import BUILD, shared_data


def evaluate(program, *words):
    done = subprocess.run([program, "evaluate", *map(str, words), "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"roberta evaluate {words}: {done.stderr}")
    return json.loads(done.stdout)


def first_documents(archive, size):
    with subprocess.Popen(["zstd", "-dcq", "--long=27", str(archive)], stdout=subprocess.PIPE) as unpacked:
        text = unpacked.stdout.read(size).decode(errors="ignore")
        unpacked.kill()
    return [d for d in text.split("\n\n")[:-1] if d.strip()]


@torch.no_grad()
def mlm(args, directory, model, tokenizer, documents):
    check = Check("evaluate mlm")
    with tempfile.TemporaryDirectory() as scratch:
        file, dump = pathlib.Path(scratch, "text.txt"), pathlib.Path(scratch, "dump.jsonl")
        file.write_text("\n\n".join(documents))
        answer = evaluate(args.roberta, "mlm", "--model", directory, file, "--limit", args.blocks, "--dump", dump)
        blocks = [json.loads(line) for line in dump.read_text().splitlines()]
    stream = [i for d in documents for i in tokenizer("\n".join(line.rstrip(" \t\r") for line in d.strip("\n").split("\n")), split_special_tokens=True)["input_ids"]]
    length, total, count = model.config.max_position_embeddings - 2, 0.0, 0
    for n, block in enumerate(blocks):
        ids = list(block["ids"])
        for position, target in zip(block["positions"], block["targets"]):
            check.same(ids[position], tokenizer.mask_token_id, f"block {n}")
            ids[position] = target
        check.same(ids, stream[n * length:(n + 1) * length], f"block {n}")
        logits = model(input_ids=torch.tensor([block["ids"]])).logits[0, block["positions"]]
        theirs = torch.log_softmax(logits.double(), -1)[range(len(block["targets"])), block["targets"]]
        for a, b in zip(block["log_probs"], theirs.tolist()):
            check.near(a, b, 1e-4 + 1e-4 * abs(b), f"block {n}")
        total, count = total - theirs.sum().item(), count + len(block["targets"])
    check.same(answer["masked_tokens"], count, "masked_tokens")
    check.near(answer["loss"] / (total / count), 1, 1e-5, "loss")
    check.near(answer["masked_tokens"] / (len(blocks) * length), 0.15, 0.002, "share")
    return check.done()


@torch.no_grad()
def log_likelihood(model, tokenizer, sentence):
    ids = tokenizer(sentence, return_tensors="pt")["input_ids"][0]
    inner = torch.arange(1, len(ids) - 1)
    masked = ids.repeat(len(inner), 1)
    masked[torch.arange(len(inner)), inner] = tokenizer.mask_token_id
    logits = model(input_ids=masked).logits[torch.arange(len(inner)), inner].double()
    return torch.log_softmax(logits, -1)[torch.arange(len(inner)), ids[inner]].sum().item()


def blimp(args, directory, model, tokenizer, archive):
    check = Check("evaluate blimp")
    answer = evaluate(args.roberta, "blimp", "--model", directory, archive, "--limit", args.pairs)
    unpacked = subprocess.run(["zstd", "-dcq", str(archive)], capture_output=True, check=True).stdout
    right = pairs = 0
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        for member in tar.getmembers():
            if not member.name.endswith(".jsonl"):
                continue
            rows = [json.loads(line) for line in tar.extractfile(member).read().decode().splitlines()[:args.pairs]]
            margins = [log_likelihood(model, tokenizer, r["sentence_good"]) - log_likelihood(model, tokenizer, r["sentence_bad"])
                       for r in rows]
            mine = answer["paradigms"][rows[0]["UID"]]
            check.same(mine["pairs"], len(rows), member.name)
            if min(map(abs, margins)) > 1e-3:  # nearer pairs may fall either way
                check.same(mine["correct"], sum(m > 0 for m in margins), member.name)
            right, pairs = right + mine["correct"], pairs + mine["pairs"]
    check.same([answer["pairs"], answer["correct"]], [pairs, right], "overall")
    check.same(len(answer["phenomena"]), 12, "phenomena")
    return check.done()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--roberta", default=BUILD / "bin/roberta")
    parser.add_argument("--model")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=2)
    args = parser.parse_args()
    bpe, text, archive = shared_data("roberta_bpe"), shared_data("text/wiki.txt.zst"), shared_data("blimp/blimp.tar.zst")
    if not (bpe and text and archive):
        print("skipped: data are missing")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = args.model or scratch
        if not args.model:
            sharp_model(directory, bpe)
        tokenizer = AutoTokenizer.from_pretrained(directory)
        model = RobertaForMaskedLM.from_pretrained(directory, dtype=torch.float32).eval()
        documents = first_documents(text, args.blocks * 6000)
        bad = mlm(args, directory, model, tokenizer, documents) + blimp(args, directory, model, tokenizer, archive)
    print("all equal" if not bad else f"{bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
