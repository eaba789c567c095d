#!/usr/bin/env python3
"""`roberta evaluate` against transformers and torch.

    tools/parity/evaluate_parity.py [--roberta build/bin/roberta] [--model DIR] [--blocks 8] [--pairs 2] [--crows 60]

mlm: the blocks must hold what the tokenizer of transformers makes of the documents, and the loss over the same masks be
that of RobertaForMaskedLM. blimp: the accuracy of every paradigm must be that of a plain loop over the sentences.
crows-pairs: scores of both sentences as a plain loop over the tokens that difflib aligns, and the paper's counts. fill-mask:
ranks and probabilities of words of one and several tokens. The model is a sharp random one with RoBERTa's own
vocabulary, or --model. Text and pairs: ROBERTA_SHARED.
"""
import argparse
import csv
import difflib
import io
import json
import math
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


@torch.no_grad()
def masked_scores(model, tokenizer, ids, places):
    """log P(token | rest) at each of the places, one masked at a time."""
    masked = ids.repeat(len(places), 1)
    at = torch.arange(len(places))
    masked[at, places] = tokenizer.mask_token_id
    logits = model(input_ids=masked).logits[at, places].double()
    return torch.log_softmax(logits, -1)[at, ids[places]].tolist()


def crows_pair(model, tokenizer, row):
    """Scores of (sent_more, sent_less), aligned in the order of the paper's metric.py."""
    stereo = row["stereo_antistereo"] == "stereo"
    names = ("sent_more", "sent_less") if stereo else ("sent_less", "sent_more")
    a, b = (tokenizer(row[name], return_tensors="pt")["input_ids"][0] for name in names)
    matcher = difflib.SequenceMatcher(None, [str(i) for i in a.tolist()], [str(i) for i in b.tolist()])
    places = [[], []]
    for op, i1, i2, j1, j2 in matcher.get_opcodes():
        if op == "equal":
            places[0] += range(i1, i2)
            places[1] += range(j1, j2)
    sums = [round(sum(masked_scores(model, tokenizer, ids, p[1:-1])), 3) for ids, p in zip((a, b), places)]
    return sums if stereo else sums[::-1]


def crows_pairs(args, directory, model, tokenizer, file):
    check = Check("evaluate crows-pairs")
    with tempfile.TemporaryDirectory() as scratch:
        said = pathlib.Path(scratch, "p.jsonl")
        answer = evaluate(args.roberta, "crows-pairs", "--model", directory, file, "--limit", args.crows, "--predictions", said)
        mine = [json.loads(line) for line in said.read_text().splitlines()]
    with open(file, newline="") as rows:
        rows = [row for _, row in zip(range(args.crows), csv.DictReader(rows))]
    counts = {"stereo": [0, 0], "antistereo": [0, 0]}
    neutral = 0
    for row, own in zip(rows, mine):
        theirs = crows_pair(model, tokenizer, row)
        for name, value in zip(("sent_more_score", "sent_less_score"), theirs):
            check.near(own[name], value, 2e-3 + 1e-5 * abs(value), row["sent_more"])
        ours = own["sent_more_score"], own["sent_less_score"]
        if abs(theirs[0] - theirs[1]) > 5e-3:  # nearer pairs may fall either way
            check.same(ours[0] > ours[1], theirs[0] > theirs[1], row["sent_more"])
        neutral += ours[0] == ours[1]
        if ours[0] != ours[1]:
            counts[row["stereo_antistereo"]][0] += 1
            counts[row["stereo_antistereo"]][1] += ours[0] > ours[1]
    for name, (pairs, more) in counts.items():
        check.same([answer[name]["pairs"], answer[name]["more"]], [pairs, more], name)
    check.same([answer["overall"]["pairs"], answer["overall"]["neutral"]], [len(rows), neutral], "overall")
    check.same(sum(c["pairs"] for c in answer["categories"].values()), len(rows), "categories")
    return check.done()


@torch.no_grad()
def fill_mask(args, directory, model, tokenizer):
    check = Check("evaluate fill-mask")
    rows = [("Paris is the <mask> of France.", ["capital"]), ("The <mask> sat on the mat", ["antidisestablishmentarianism"]),
            ("<mask> and <mask> went home.", ["Alice", "Bartholomew"]), ("It was (<mask>) there.", ["unquestionably"]),
            ("<mask> first", ["Zebras"])]
    with tempfile.TemporaryDirectory() as scratch:
        data, said = pathlib.Path(scratch, "rows.jsonl"), pathlib.Path(scratch, "p.jsonl")
        data.write_text("".join(json.dumps({"input_string": t, "title": w}) + "\n" for t, w in rows))
        answer = evaluate(args.roberta, "fill-mask", "--model", directory, data, "--predictions", said)
        mine = [json.loads(line) for line in said.read_text().splitlines()]
    ranks, losses = [], []
    for (text, words), own in zip(rows, mine):
        for m, word in enumerate(words):
            pieces = text.split("<mask>")
            before = "<mask>".join(pieces[:m + 1])
            tokens = tokenizer((" " if before.endswith(" ") else "") + word, add_special_tokens=False)["input_ids"]
            ids = tokenizer(text)["input_ids"]
            at = [i for i, token in enumerate(ids) if token == tokenizer.mask_token_id][m]
            ids[at:at + 1] = [tokenizer.mask_token_id] * len(tokens)
            rank, loss = 0, 0.0
            for k, token in enumerate(tokens):
                logits = model(input_ids=torch.tensor([ids])).logits[0, at + k].double()
                rank = max(rank, int((logits > logits[token]).sum()) + 1)
                loss -= torch.log_softmax(logits, -1)[token].item()
                ids[at + k] = token
            check.same(own["masks"][m]["rank"], rank, f"{text} {word}")
            check.near(own["masks"][m]["log_prob"], -loss, 1e-3 + 1e-4 * loss, f"{text} {word}")
            ranks.append(rank)
            losses.append(loss)
    metrics = answer["metrics"]
    check.near(metrics["mrr"], sum(1 / r for r in ranks) / len(ranks), 1e-9, "mrr")
    check.near(metrics["accuracy_at_5"], sum(r <= 5 for r in ranks) / len(ranks), 1e-9, "accuracy_at_5")
    check.near(math.log(metrics["perplexity"]), sum(losses) / len(losses), 1e-3, "perplexity")
    return check.done()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--roberta", default=BUILD / "bin/roberta")
    parser.add_argument("--model")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--crows", type=int, default=60)
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
        bad += fill_mask(args, directory, model, tokenizer)
        if crows := shared_data("crows_pairs/crows_pairs_anonymized.csv"):
            bad += crows_pairs(args, directory, model, tokenizer, crows)
    print("all equal" if not bad else f"{bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
