#!/usr/bin/env python3
"""Metrics against sklearn, scipy, seqeval, the official SQuAD scripts and run_qa's decoding.

    tools/parity/metrics_parity.py [--rounds 300] [--seed 7]

Edge cases and random ones, and str.lower() of every code point, on its own and between others; numbers must agree to 1e-9.
"""
import argparse
import collections
import json
import random
import subprocess
import sys

import metric_reference
from probe import BUILD

TOLERANCE = 1e-9


def lowercase_cases(seed):
    """Every code point once, in lines of 64; and beside capital sigmas in random order."""
    points = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    for k in range(0, len(points), 64):
        yield {"op": "lower", "text": "".join(points[k:k + 64])}
    rng = random.Random(seed)
    marked = [p for p in points if p.lower() != p or not p.isprintable() or ord(p) < 0x2100]
    for _ in range(3000):
        yield {"op": "lower", "text": "".join(rng.choice([rng.choice(marked), "Σ", "a", " "]) for _ in range(40))}


def differs(got, want, place=""):
    if isinstance(want, dict):
        if not isinstance(got, dict) or set(got) != set(want):
            return f"{place}: members {sorted(set(got) ^ set(want)) if isinstance(got, dict) else got}"
        return next((d for k in want if (d := differs(got[k], want[k], f"{place}/{k}"))), None)
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{place}: {got} instead of {want}"
        return next((d for i, (a, b) in enumerate(zip(got, want)) if (d := differs(a, b, f"{place}/{i}"))), None)
    if isinstance(want, (int, float)) and isinstance(got, (int, float)):
        return None if abs(got - want) <= TOLERANCE * max(1, abs(want)) else f"{place}: {got} instead of {want}"
    return None if got == want else f"{place}: {got!r} instead of {want!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    cases = [*metric_reference.cases(args.seed, args.rounds), *lowercase_cases(args.seed)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([BUILD / "tests/metrics_probe"], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"metrics_probe: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    counts, bad = collections.Counter(), 0
    for case, answer in zip(cases, answers, strict=True):
        counts[case["op"]] += 1
        why = differs(answer, metric_reference.plain(metric_reference.reference(case)))
        if why:
            bad += 1
            if bad <= 10:
                print(f"{case['op']}: {why}\n  {json.dumps(case, ensure_ascii=False)[:500]}")
    print(", ".join(f"{name} {n}" for name, n in counts.items()))
    print("all equal" if not bad else f"{bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
