#!/usr/bin/env python3
"""Dynamic masking over a million tokens beside fairseq's MaskTokensDataset, written again here from its semantics.

    tools/parity/masking_parity.py [--probe build/tests/masking_probe] [--samples 2048]

Both mask the same samples; every figure must agree within 5 deviations of what chance allows, and what is exact must be
exact: chosen tokens a sample, targets, tokens left unchanged, masks equal on 1, 2 and 4 ranks and for samples read one by
one, other masks in every epoch and for every seed.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

from probe import BUILD, ROOT

LENGTH, RESERVED = 512, 4  # fairseq never draws its first four entries as random tokens
MASK_PROB, RANDOM, LEAVE = 0.15, 0.1, 0.1


def tokenizer_directory(scratch):
    shared = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data/roberta_bpe"
    if shared.is_dir():
        return shared
    program = os.environ.get("ROBERTA_BIN", BUILD / "bin/roberta")
    texts = [str(ROOT / name) for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
    subprocess.run([program, "train-tokenizer", "-q", "--vocab-size", "1000", "--output", scratch / "tokenizer", *texts], check=True)
    return scratch / "tokenizer"


class Vocabulary:
    def __init__(self, directory):
        self.words = json.loads((directory / "vocab.json").read_text())
        self.size = len(self.words)
        self.mask = self.words["<mask>"]
        self.special = numpy.zeros(self.size, bool)
        for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>"):
            self.special[self.words[token]] = True
        # A token begins a word when its text begins with a space, or where it is special (fairseq's is_beginning_of_word);
        # or with a line end or tab, which fairseq's data never hold.
        self.begins = self.special.copy()
        for token, number in self.words.items():
            self.begins[number] |= token[0] in "ĠĊĉč"


def fairseq_mask(sample, vocabulary, random, whole_word):
    """MaskTokensDataset.__getitem_cached__: masked ids and labels (-1 where nothing was chosen)."""
    size = len(sample)
    words = numpy.flatnonzero(vocabulary.begins[sample]) if whole_word else numpy.arange(size)  # a sample begins with <s>
    count = int(MASK_PROB * len(words) + random.random())
    chosen_words = random.choice(len(words), count, replace=False)
    lengths = numpy.diff(numpy.append(words, size))

    def spread(flags):
        return numpy.repeat(flags, lengths)
    mask = numpy.zeros(len(words), bool)
    mask[chosen_words] = True
    rand_or_unmask = mask & (random.random(len(words)) < RANDOM + LEAVE)
    unmask = rand_or_unmask & (random.random(len(words)) < LEAVE / (RANDOM + LEAVE))
    rand = rand_or_unmask & ~unmask
    chosen, replaced, rand = spread(mask), spread(mask ^ unmask), spread(rand)
    masked = sample.copy()
    masked[replaced] = vocabulary.mask
    masked[rand] = random.integers(RESERVED, vocabulary.size, rand.sum())
    return masked, numpy.where(chosen, sample, -1)


def ours(probe, tokenizer, samples, asks):
    with tempfile.TemporaryDirectory() as scratch:
        samples.astype(numpy.int32).tofile(f"{scratch}/in")
        for i, ask in enumerate(asks):
            ask["out"] = f"{scratch}/{i}"
        request = {"tokenizer": str(tokenizer), "in": f"{scratch}/in", "length": samples.shape[1], "asks": asks}
        done = subprocess.run([probe], input=json.dumps(request), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return [numpy.fromfile(ask["out"], numpy.int32).reshape(2, *samples.shape) for ask in asks]


class Checks:
    def __init__(self):
        self.failed = 0

    def exact(self, what, good):
        self.failed += not good
        print(f"{what:66} {'yes' if good else 'NO  FAILED'}", flush=True)

    def near(self, what, value, reference, expected, deviation):
        """Ours and fairseq's within 5 deviations of what is expected."""
        worst = max(abs(value - expected), abs(reference - expected)) / deviation
        self.failed += not worst <= 5
        print(f"{what:44} {value:10.5f} {reference:10.5f} {expected:10.5f} {worst:6.1f}{'' if worst <= 5 else '  FAILED'}", flush=True)


def share(mask, of):
    return mask.sum() / of.sum()


def chi_square(counts, probability=None):
    """(chi-square - n) / sqrt(2 n): about N(0, 1) where the counts come from even chances."""
    expected = counts.sum() / len(counts)
    variance = expected * (1 - (probability or 0))
    n = len(counts) - 1
    return ((((counts - expected) ** 2) / variance).sum() - n) / (2 * n) ** 0.5


def kinds(samples, answer, vocabulary):
    masked, labels = answer
    chosen = labels >= 0
    as_mask = chosen & (masked == vocabulary.mask) & (samples != vocabulary.mask)
    same = chosen & (masked == samples)
    return chosen, as_mask, same, chosen & ~as_mask & ~same


def check_statistics(checks, samples, mine, theirs, vocabulary):
    """Without whole words and exclusions."""
    print(f"{'':44} {'ours':>10} {'fairseq':>10} {'expected':>10} {'worst':>6}")
    a, b = (kinds(samples, x, vocabulary) for x in (mine, theirs))
    n = a[0].sum()
    rounding = (MASK_PROB * LENGTH % 1 * (1 - MASK_PROB * LENGTH % 1) * len(samples)) ** 0.5
    checks.near("share of tokens chosen", a[0].mean(), b[0].mean(), MASK_PROB, rounding / samples.size)

    def three(name, i, probability):
        checks.near(name, share(a[i], a[0]), share(b[i], b[0]), probability, (probability * (1 - probability) / n) ** 0.5)
    stays = 1 / (vocabulary.size - RESERVED)  # a random token may be the original or <mask>
    three("of these <mask>", 1, 1 - RANDOM - LEAVE + RANDOM * stays)
    three("of these left as they are", 2, LEAVE + RANDOM * stays)
    three("of these another token", 3, RANDOM * (1 - 2 * stays))
    checks.near("positions: evenness (deviations)", *(chi_square(x[0].sum(0), MASK_PROB) for x in (a, b)), 0, 1)
    ends = [x[0][:, [0, -1]].mean() for x in (a, b)]
    checks.near("<s> and </s> chosen like other tokens", *ends, MASK_PROB, (MASK_PROB * (1 - MASK_PROB) / 2 / len(samples)) ** 0.5)
    tokens = [answer[0][x[3]] for answer, x in ((mine, a), (theirs, b))]
    bins = numpy.linspace(RESERVED, vocabulary.size, 65)
    checks.near("random tokens: evenness (deviations)", *(chi_square(numpy.histogram(t, bins)[0]) for t in tokens), 0, 1.5)
    neighbours = [(x[0][:, 1:] & x[0][:, :-1]).mean() for x in (a, b)]
    mean = MASK_PROB * LENGTH  # chosen without replacement: a little fewer than MASK_PROB^2
    both = (mean * (mean - 1) + mean % 1 * (1 - mean % 1)) / (LENGTH * (LENGTH - 1))
    checks.near("both of two neighbours chosen", *neighbours, both, (both / samples.size) ** 0.5)
    checks.exact("no random token among the first four entries", tokens[0].min() >= RESERVED)


def check_exact(checks, samples, answer, what):
    masked, labels = answer
    chosen = labels >= 0
    checks.exact(f"{what}: targets are what stood there", bool((labels[chosen] == samples[chosen]).all()))
    checks.exact(f"{what}: all else is left alone", bool((masked[~chosen] == samples[~chosen]).all()))


def check_whole_word(checks, samples, mine, theirs, vocabulary):
    for name, (masked, labels) in (("ours", mine), ("fairseq's", theirs)):
        chosen = labels >= 0
        begins = vocabulary.begins[samples]
        follows = ~begins[:, 1:]
        together = (chosen[:, 1:] == chosen[:, :-1])[follows].all()
        fate = (masked == vocabulary.mask) & chosen
        kept = (masked == samples) & chosen
        same_fate = ((fate[:, 1:] == fate[:, :-1]) | (masked[:, 1:] == vocabulary.mask) | (masked[:, :-1] == vocabulary.mask))
        left = (kept[:, 1:] == kept[:, :-1])[follows & chosen[:, 1:]].mean()
        words = begins.sum(1)
        count = (chosen & begins).sum(1)
        checks.exact(f"whole words, {name}: tokens of a word are chosen together", bool(together))
        checks.exact(f"whole words, {name}: and share <mask> or not", bool(same_fate[follows].all()) and left > 0.99)
        checks.exact(f"whole words, {name}: 15 % of the words, rounded",
                     bool(((count == numpy.floor(MASK_PROB * words)) | (count == numpy.floor(MASK_PROB * words) + 1)).all()))
    shares = [(answer[1] >= 0).mean() for answer in (mine, theirs)]
    checks.near("whole words: share of tokens chosen", *shares, MASK_PROB, 0.002)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/masking_probe"))
    parser.add_argument("--samples", type=int, default=2048)
    args = parser.parse_args()
    checks = Checks()
    random = numpy.random.default_rng(7)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = tokenizer_directory(pathlib.Path(scratch))
        vocabulary = Vocabulary(tokenizer)
        samples = random.integers(RESERVED, vocabulary.size - 1, (args.samples, LENGTH)).astype(numpy.int32)
        samples[samples == vocabulary.mask] = RESERVED
        samples[:, 0], samples[:, -1] = vocabulary.words["<s>"], vocabulary.words["</s>"]
        plain, again, epoch, seed, rank2, rank4, whole, excluded, differs = ours(args.probe, tokenizer, samples, [
            {"seed": 1}, {"seed": 1, "ranks": 1}, {"seed": 1, "epoch": 1}, {"seed": 2}, {"seed": 1, "ranks": 2},
            {"seed": 1, "ranks": 4}, {"seed": 1, "options": {"whole_word": True}},
            {"seed": 1, "options": {"exclude_special": True}}, {"seed": 1, "options": {"random_differs": True}}])
        tail = ours(args.probe, tokenizer, samples[-3:], [{"seed": 1, "first_sample": args.samples - 3}])[0]

    def fairseq(whole_word):
        pairs = [fairseq_mask(s, vocabulary, random, whole_word) for s in samples]
        return numpy.stack([p[0] for p in pairs]), numpy.stack([p[1] for p in pairs])
    print(f"{samples.size} tokens, {vocabulary.size} entries")
    check_statistics(checks, samples, plain, fairseq(False), vocabulary)
    counts = (plain[1] >= 0).sum(1)
    checks.exact("every sample has 76 or 77 of its 512 tokens chosen", set(counts.tolist()) <= {76, 77})
    for name, answer in (("plain", plain), ("whole words", whole), ("no specials", excluded), ("other tokens", differs)):
        check_exact(checks, samples, answer, name)
    check_whole_word(checks, samples, whole, fairseq(True), vocabulary)
    chosen = excluded[1] >= 0
    checks.exact("no specials: <s> and </s> are never chosen", not vocabulary.special[samples[chosen]].any())
    _, as_mask, same, other = kinds(samples, differs, vocabulary)
    checks.exact("other tokens: a random token is never a special one", not vocabulary.special[differs[0][other]].any())
    checks.near("other tokens: share left as they are", share(same, differs[1] >= 0), LEAVE, LEAVE,
                (LEAVE * (1 - LEAVE) / (differs[1] >= 0).sum()) ** 0.5)
    checks.exact("the same masks when read again", numpy.array_equal(plain, again))
    checks.exact("the same masks on 2 ranks", numpy.array_equal(plain, rank2))
    checks.exact("the same masks on 4 ranks", numpy.array_equal(plain, rank4))
    checks.exact("the same masks of samples read separately", numpy.array_equal(plain[:, -3:], tail))
    for what, other in (("epoch", epoch), ("seed", seed)):
        both = ((plain[1] >= 0) & (other[1] >= 0)).mean()
        checks.near(f"chosen in this and in the next {what}", both, both, MASK_PROB ** 2, (MASK_PROB ** 2 / samples.size) ** 0.5)
    print("masking parity:", f"{checks.failed} FAILED" if checks.failed else f"all as fairseq's, {samples.size} tokens")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
