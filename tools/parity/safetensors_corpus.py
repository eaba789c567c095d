#!/usr/bin/env python3
"""Accept/reject of safetensors files: ours against PyPI safetensors 0.8.0, on the crafted corpus and seeded mutations.

Exit 1 on any difference but the rejections that docs/formats.md names. Usage: safetensors_corpus.py [--mutations N] [--seed S]
"""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools"))
import make_safetensors_corpus as corpus  # noqa: E402

# What the messages say when one of our own rules rejects a file.
RULES = {"first byte": "first byte is not '{'", "duplicate": "duplicate", "control": "control character"}


def verdicts(program, mode, paths):
    run = subprocess.run([program, mode], input="\n".join(paths) + "\n", capture_output=True, text=True, check=True, errors="replace")
    lines = run.stdout.split("\n")[:-1]
    assert len(lines) == len(paths), "one line a file expected"
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default=os.environ.get("ROBERTA_BUILD", os.path.join(ROOT, "build")))
    args = parser.parse_args()
    program = os.path.join(args.build, "tests", "safetensors_verdict")
    if not os.path.exists(program):
        sys.exit(f"skipped: {program} is not built")
    files = [(name, content, rule) for name, content, rule in corpus.cases()]
    crafted = len(files)
    files += [(f"mutation {i}", content, None) for i, content in enumerate(corpus.mutations(args.mutations, args.seed))]
    differences = 0
    by_rule = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, (_, content, _) in enumerate(files):
            paths.append(os.path.join(folder, str(i)))
            with open(paths[-1], "wb") as out:
                out.write(content)
        strict, relaxed = verdicts(program, "strict", paths), verdicts(program, "relaxed", paths)
    accepted = 0
    for (name, content, rule), ours, loose in zip(files, strict, relaxed):
        reference = corpus.reference_accepts(content)
        accepted += reference
        rejected_by = next((r for r, words in RULES.items() if words in ours), "")
        if reference and ours != "ok" and rejected_by and (rule is None or rule == rejected_by):
            by_rule[rejected_by] = by_rule.get(rejected_by, 0) + 1
            ours = "ok"  # rejected by a documented rule
            if rejected_by == "control":
                loose = "ok"  # this one stays in relaxed mode
        if (ours == "ok") != reference or (loose == "ok") != reference:
            differences += 1
            print(f"DIFFERENT {name}: reference {'accepts' if reference else 'rejects'}, strict: {ours}, relaxed: {loose}")
            print("   ", content[:300])
    print(f"safetensors: {crafted} crafted files, {args.mutations} mutations (seed {args.seed}), {accepted} accepted by the reference, "
          f"{differences} differences; rejected by our own rules: {by_rule}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
