#!/usr/bin/env python3
"""Compares the time of training a byte-level BPE vocabulary with gigatoken's and Hugging Face tokenizers'.

    tools/bench_trainer.py [--bench build/bin/bench_bpe_trainer] [--pairs 7] [--threads 1 2] [--baselines gigatoken]

Runs in turn (ours, baseline, ours, baseline ...), each in a process of its own that times itself without its start-up, and
prints one JSON line for each baseline and thread count; `ratio` is median(baseline) / median(ours). The text is the first
50 MiB of ROBERTA_SHARED/data/text/wiki.txt.zst (default ../shared) or --file.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = {
    "gigatoken": """
import gigatoken
def train(path, size): return len(gigatoken.train_bpe(path, size, SPECIALS)[0])
""",
    "tokenizers": """
from tokenizers import ByteLevelBPETokenizer
def train(path, size):
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train([path], vocab_size=size, min_frequency=2, show_progress=False, special_tokens=SPECIALS)
    return tokenizer.get_vocab_size()
""",
}
TIMED = """
import sys, time
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
{baseline}
start = time.perf_counter()
tokens = train(sys.argv[1], int(sys.argv[2]))
print("\\n" + str(time.perf_counter() - start), tokens)
"""


def run_ours(program, file, size, threads):
    out = subprocess.run([program, str(size), str(threads), file], check=True, capture_output=True, text=True).stdout
    row = json.loads(out)
    return row["total_s"], row["tokens"]


def run_baseline(baseline, file, size, threads):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads),
                   "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
    out = subprocess.run([sys.executable, "-c", TIMED.format(baseline=PEERS[baseline]), file, str(size)], check=True,
                         capture_output=True, text=True, env=environment).stdout
    seconds, tokens = out.split("\n")[-2].split()
    return float(seconds), int(tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=str(ROOT / "build/bin/bench_bpe_trainer"))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--baselines", nargs="+", choices=list(PEERS), default=["gigatoken"])
    parser.add_argument("--vocab-size", type=int, default=50265)
    parser.add_argument("--file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = arguments.file
        if not file:
            archive = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data/text/wiki.txt.zst"
            if not archive.is_file():
                print(f"SKIPPED trainer benchmark: no {archive} (set ROBERTA_SHARED)")
                return 0
            file = os.path.join(temporary, "text")
            with open(file, "wb") as out:
                zstd = subprocess.Popen(["zstd", "-dc", "--long=31", str(archive)], stdout=subprocess.PIPE)
                out.write(zstd.stdout.read(50 << 20).decode(errors="ignore").encode())
                zstd.stdout.close()
                zstd.wait()
        for threads in arguments.threads:
            for baseline in arguments.baselines:
                ours, theirs = [], []
                for _ in range(arguments.pairs):
                    ours.append(run_ours(arguments.bench, file, arguments.vocab_size, threads))
                    theirs.append(run_baseline(baseline, file, arguments.vocab_size, threads))
                mine, other = (statistics.median(s for s, _ in times) for times in (ours, theirs))
                print(json.dumps({
                    "baseline": baseline, "threads": threads, "pairs": arguments.pairs,
                    "megabytes": round(os.path.getsize(file) / 1e6, 1), "vocab_size": arguments.vocab_size,
                    "tokens": ours[0][1], "baseline_tokens": theirs[0][1], "ours_s": round(mine, 3),
                    "ours_range_s": [round(min(ours)[0], 3), round(max(ours)[0], 3)], "baseline_s": round(other, 3),
                    "baseline_range_s": [round(min(theirs)[0], 3), round(max(theirs)[0], 3)],
                    "ratio": round(other / mine, 2)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
