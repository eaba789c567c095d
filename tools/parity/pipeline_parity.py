#!/usr/bin/env python3
"""fill-mask, embed and score against transformers and torch.

    tools/parity/pipeline_parity.py [--roberta build/bin/roberta] [--probe build/tests/model_probe] [--model DIR ...]

`roberta fill-mask --format json` must say what the transformers pipeline says: score, token, token_str, sequence, for
one mask and for several, and for targets of one token. Multi-token targets and joint filling are held against the
definition in include/roberta/pipeline.h, worked out by torch; embed and score against plain torch loops. Models: the
pretrained one of ROBERTA_SHARED (default ../shared), a sharp random one with RoBERTa's own vocabulary, and --model.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaForMaskedLM, RobertaTokenizerFast, pipeline

from probe import BUILD, ask, shared_data

WORDS = """the a of Paris France capital don't isn't it's we're I'm they'd you'll café naïve 日本語 Zürich 1999 3.14 $5 50%
(quoted) "said" , . ! ? ; : ... — n't 's <unk> </s> hello HELLO x=y foo_bar @user #tag http://a.b/c?d=e 🙂 e\u0301
\u00a0 \t don 't ca n't do not""".split(" ")
SCORE_LIMIT = 1e-5


def english(rng, masks):
    words = [rng.choice(WORDS).replace("\n", " ") for _ in range(rng.randint(1, 14))]
    for _ in range(masks):
        words.insert(rng.randint(0, len(words)), "<mask>")
    return "".join(w + rng.choice([" ", " ", " ", "", "  "]) for w in words)


def residues(rng, masks):
    letters = [rng.choice("ACDEFGHIKLMNPQRSTVWY") for _ in range(rng.randint(5, 100))]
    for i in rng.sample(range(len(letters)), min(masks, len(letters))):
        letters[i] = "<mask>"
    return "".join(letters)


def sharp_model(directory, bpe):
    """Two layers with RoBERTa's vocabulary and weights large enough that predictions differ clearly."""
    tokenizer = RobertaTokenizerFast(vocab=str(bpe / "vocab.json"), merges=str(bpe / "merges.txt"))
    tokenizer.save_pretrained(directory)
    torch.manual_seed(3)
    model = RobertaForMaskedLM(RobertaConfig(
        vocab_size=50265, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5))
    for name, p in model.named_parameters():
        if "orm.weight" not in name:
            torch.nn.init.normal_(p, 0, 0.3)
    model.save_pretrained(directory)


class Check:
    def __init__(self, name):
        self.name, self.count, self.bad, self.worst = name, 0, 0, 0.0

    def near(self, mine, theirs, limit, what):
        self.count += 1
        error = abs(mine - theirs)
        self.worst = max(self.worst, error)
        if not error <= limit:
            self.fail(what, mine, theirs)

    def same(self, mine, theirs, what):
        self.count += 1
        if mine != theirs:
            self.fail(what, mine, theirs)

    def fail(self, what, mine, theirs):
        self.bad += 1
        if self.bad <= 5:
            print(f"  {self.name}: {what!r}:\n    ours   {mine!r}\n    theirs {theirs!r}")

    def done(self):
        print(f"{self.name:44} {self.count:7} compared, {self.bad} differ, largest error {self.worst:.1e}", flush=True)
        return self.bad


def cli_fill(program, directory, texts, *options):
    rows = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    done = subprocess.run([program, "fill-mask", "--model", str(directory), "--input", "jsonl", "--format", "json",
                           *options], input=rows, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_fills(check, text, mine, theirs):
    """Lists of fills, or lists of such lists. Neighbours whose scores are the same within rounding may be swapped."""
    if theirs and isinstance(theirs[0], list):
        check.same([isinstance(m, list) for m in mine], [True] * len(theirs), text)
        for a, b in zip(mine, theirs):
            compare_fills(check, text, a, b)
        return
    check.same(len(mine), len(theirs), text)
    by_token = {f["token"]: f for f in theirs}
    for a, b in zip(mine, theirs):
        check.near(a["score"], b["score"], min(SCORE_LIMIT, 1e-3 * b["score"]), text)
        near_tie = abs(a["score"] - b["score"]) <= 1e-4 * b["score"]
        twin = by_token.get(a["token"]) if near_tie else b
        if twin is not None:  # the last of a list may be tied with the first one left out
            check.same({k: a[k] for k in ("token", "token_str", "sequence")},
                       {k: twin[k] for k in ("token", "token_str", "sequence")}, text)


def fill_masks(args, name, directory, fill, texts, top_k):
    check = Check(f"{name}: fill-mask top {top_k}")
    for text, mine in zip(texts, cli_fill(args.roberta, directory, texts, "--top-k", str(top_k))):
        compare_fills(check, text, mine, fill(text, top_k=top_k))
    return check.done()


def one_token_targets(args, name, directory, fill, tokenizer, rng, make):
    """Texts whose mask follows no space: there our words and the pipeline's vocabulary entries mean the same."""
    check = Check(f"{name}: targets of one token")
    entries = [t for t, i in tokenizer.get_vocab().items() if t.isascii() and t.isalpha() and i not in tokenizer.all_special_ids]
    for masks in (1, 2):
        texts = [make(rng, masks).replace(" <mask>", "<mask>").replace("  <mask>", "<mask>") for _ in range(10)]
        texts = [t for t in texts if " <mask>" not in t] or ["x<mask>"]
        targets = sorted(rng.sample(sorted(entries), 4))
        for text, mine in zip(texts, cli_fill(args.roberta, directory, texts, "--targets", ",".join(targets))):
            compare_fills(check, text, mine, fill(text, targets=targets))
    return check.done()


@torch.no_grad()
def log_probs(model, ids, position):
    return torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, position].double(), -1)


def chain_targets(args, name, directory, model, tokenizer, rng):
    check = Check(f"{name}: targets of many tokens")
    mask = tokenizer.mask_token_id
    for text in ["The capital of <mask> is big", "<mask> is", "It's (<mask>) a <mask>!", "日本 <mask>"]:
        words = ["Zürich", "extraordinarily", "xyzzyplugh", "the"]
        mine = ask(args.probe, directory, [{"op": "fill", "texts": [text], "targets": words, "top_k": 9}])[0][0]
        ids = tokenizer(text)["input_ids"]
        for k, at in enumerate(i for i, t in enumerate(ids) if t == mask):
            theirs = {}
            for word in words:
                spaced = (" " if text.split("<mask>")[k].endswith(" ") else "") + word
                tokens = tokenizer(spaced, add_special_tokens=False)["input_ids"]
                total = sum(log_probs(model, ids[:at] + tokens[:s] + [mask] * (len(tokens) - s) + ids[at + 1:], at + s)[t].item()
                            for s, t in enumerate(tokens))
                theirs[tuple(tokens)] = total
            check.same({tuple(f["tokens"]) for f in mine[k]}, set(theirs), text)
            check.same([f["score"] for f in mine[k]], sorted((f["score"] for f in mine[k]), reverse=True), text)
            for f in mine[k]:
                score = torch.tensor(theirs[tuple(f["tokens"])]).exp().item()
                check.near(f["score"], score, 1e-4 * score + 1e-30, text)
    return check.done()


def joint(args, name, directory, model, tokenizer, text):
    """Two masks, exhaustively: all first tokens, the best second ones of each."""
    check = Check(f"{name}: joint filling")
    size = model.config.vocab_size
    mine = ask(args.probe, directory, [{"op": "joint", "texts": [text], "top_k": 5, "beam": size}])[0][0]
    ids = tokenizer(text)["input_ids"]
    a, b = [i for i, t in enumerate(ids) if t == tokenizer.mask_token_id]
    first, pairs = log_probs(model, ids, a), []
    for t in range(size):
        value, index = (first[t] + log_probs(model, ids[:a] + [t] + ids[a + 1:], b)).topk(min(5, size))
        pairs += [(v.item(), [t, i.item()]) for v, i in zip(value, index)]
    pairs.sort(reverse=True)
    for f, (log_prob, tokens) in zip(mine, pairs):
        check.same(f["tokens"], tokens, text)
        check.near(f["score"], torch.tensor(log_prob).exp().item(), SCORE_LIMIT, text)
    return check.done()


@torch.no_grad()
def embeddings(args, name, directory, model, tokenizer, texts):
    check = Check(f"{name}: embed")
    count = model.config.num_hidden_layers
    asks, wanted = [], []
    for pooling in ("mean", "cls", "max", "none"):
        for layers in ([-1], [0], [1, -2, count]):
            for normalize in (False, True):
                asks.append({"op": "embed", "texts": texts, "pooling": pooling, "layers": layers, "normalize": normalize})
    answers = ask(args.probe, directory, asks)
    states = [model(input_ids=torch.tensor([tokenizer(t)["input_ids"]]), output_hidden_states=True).hidden_states for t in texts]
    for one, answer in zip(asks, answers):
        for text, state, got in zip(texts, states, answer):
            x = torch.cat([state[i][0] for i in one["layers"]], -1)
            y = {"mean": lambda: x.mean(0, True), "cls": lambda: x[:1], "max": lambda: x.max(0, True).values, "none": lambda: x}[one["pooling"]]()
            if one["normalize"]:
                y = torch.nn.functional.normalize(y, dim=-1)
            check.same([got["rows"], got["cols"]], list(y.shape), text)
            error = (torch.tensor(got["data"]).reshape(y.shape) - y).abs().max().item()
            check.near(error, 0, 1e-4, (text, one["pooling"], one["layers"]))
    return check.done()


def scores(args, name, directory, model, tokenizer, texts):
    check = Check(f"{name}: score")
    for text, got in zip(texts, ask(args.probe, directory, [{"op": "score", "texts": texts}])[0]):
        encoding = tokenizer(text, return_offsets_mapping=True)
        ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
        total = 0
        check.same(len(got["tokens"]), len(ids) - 2, text)
        for i, (token, _, begin, end, value) in enumerate(got["tokens"], 1):
            want = log_probs(model, ids[:i] + [tokenizer.mask_token_id] + ids[i + 1:], i)[ids[i]].item()
            total += want
            check.same([token, begin, end], [ids[i], *offsets[i]], text)
            check.near(value, want, 1e-4, text)
        check.near(got["log_prob"], total, 1e-4 * len(ids), text)
    return check.done()


def one_model(args, name, directory, make, joint_text, heavy):
    rng = random.Random(11)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = RobertaForMaskedLM.from_pretrained(directory, dtype=torch.float32).eval()
    fill = pipeline("fill-mask", model=model, tokenizer=tokenizer, device=-1)
    bad = 0
    texts = [make(rng, masks) for masks in (1, 1, 2, 3) for _ in range(args.texts if heavy else 5)]
    for top_k in (1, 5, 25):
        bad += fill_masks(args, name, directory, fill, texts, top_k)
    bad += one_token_targets(args, name, directory, fill, tokenizer, rng, make)
    if heavy:
        plain = [make(rng, 0) for _ in range(8)]
        if tokenizer.vocab_size > 1000:
            bad += chain_targets(args, name, directory, model, tokenizer, rng)
        if joint_text:
            bad += joint(args, name, directory, model, tokenizer, joint_text)
        bad += embeddings(args, name, directory, model, tokenizer, plain)
        bad += scores(args, name, directory, model, tokenizer, plain)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roberta", default=str(BUILD / "bin/roberta"))
    parser.add_argument("--probe", default=str(BUILD / "tests/model_probe"))
    parser.add_argument("--model", nargs="*", default=[])
    parser.add_argument("--texts", type=int, default=25, help="texts of each number of masks")
    args = parser.parse_args()
    bad = 0
    if sapiens := shared_data("sapiens-vh"):
        bad += one_model(args, "sapiens-vh", sapiens, residues, "QVQLVQSG<mask>EVKKPGASVKVSC<mask>ASGYTF", True)
    if bpe := shared_data("roberta_bpe"):
        with tempfile.TemporaryDirectory() as directory:
            sharp_model(directory, bpe)
            bad += one_model(args, "sharp", directory, english, None, True)
    for directory in args.model:
        bad += one_model(args, pathlib.Path(directory).name, directory, english, None, False)
    if not sapiens and not bpe and not args.model:
        sys.exit(77)  # the words above say what was missing
    print("pipeline parity:", f"{bad} FAILED" if bad else "no difference")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
