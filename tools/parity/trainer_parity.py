#!/usr/bin/env python3
"""Trains vocabularies with `roberta train-tokenizer` and with Hugging Face's ByteLevelBPETokenizer on the same files
and compares vocab.json and merges.txt byte by byte.

    tools/parity/trainer_parity.py [--roberta build/bin/roberta] [--quick]

Three corpora: pieces of ROBERTA_SHARED/data/text (default ../shared). Takes minutes; --quick: 4 MB of each.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# name, bytes of it, vocabulary, least frequency
CORPORA = [("wiki", 52_428_800, 50265, 2), ("wiki2", 100_000_000, 30000, 2), ("books", 40_000_000, 8192, 2)]


def piece_of(archive, size, target):
    """The first lines of the archive, about `size` bytes."""
    zstd = subprocess.Popen(["zstd", "-dc", "--long=31", str(archive)], stdout=subprocess.PIPE)
    text = zstd.stdout.read(size)
    zstd.stdout.close()
    zstd.wait()
    target.write_bytes(text[:text.rfind(b"\n") + 1])


def train_ours(program, file, vocab_size, min_frequency, directory):
    subprocess.run([program, "train-tokenizer", "--vocab-size", str(vocab_size), "--min-frequency", str(min_frequency),
                    "--output", str(directory), str(file)], check=True)


def train_theirs(file, vocab_size, min_frequency, directory):
    from tokenizers import ByteLevelBPETokenizer
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train([str(file)], vocab_size=vocab_size, min_frequency=min_frequency, show_progress=False,
                    special_tokens=SPECIALS)
    tokenizer.save_model(str(directory))


def differences(ours, theirs):
    """Files whose bytes differ, with the first token or line where they do."""
    found = []
    for name in ("vocab.json", "merges.txt"):
        a, b = ((directory / name).read_bytes() for directory in (ours, theirs))
        if a == b:
            continue
        separator = b"," if name == "vocab.json" else b"\n"
        pairs = list(zip(a.split(separator), b.split(separator)))
        at = next((i for i, (x, y) in enumerate(pairs) if x != y), len(pairs))
        found.append(f"{name}: entry {at + 1} differs: {pairs[at] if at < len(pairs) else 'one file is longer'}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roberta", default=str(ROOT / "build/bin/roberta"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    text = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data/text"
    if not text.is_dir():
        print(f"SKIPPED trainer parity: no {text} (set ROBERTA_SHARED)")
        return 0
    failed = 0
    for name, size, vocab_size, min_frequency in CORPORA:
        size = 4_000_000 if arguments.quick else size
        with tempfile.TemporaryDirectory() as temporary:
            directory = pathlib.Path(temporary)
            file, ours, theirs = directory / f"{name}.txt", directory / "ours", directory / "theirs"
            ours.mkdir()
            theirs.mkdir()
            piece_of(text / f"{name}.txt.zst", size, file)
            start = time.perf_counter()
            train_ours(arguments.roberta, file, vocab_size, min_frequency, ours)
            middle = time.perf_counter()
            train_theirs(file, vocab_size, min_frequency, theirs)
            end = time.perf_counter()
            found = differences(ours, theirs)
            merges = (ours / "merges.txt").read_bytes().count(b"\n") - 1
            print(f"{'DIFFERENT' if found else 'identical'}  {name}: {file.stat().st_size / 1e6:.1f} MB, vocabulary "
                  f"{vocab_size}, {merges} merges; {middle - start:.2f} s, Hugging Face {end - middle:.2f} s")
            for line in found:
                print("  " + line)
            failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
