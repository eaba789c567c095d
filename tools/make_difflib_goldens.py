#!/usr/bin/env python3
"""Shared tokens as Python's difflib finds them: tests/tasks/datasets/difflib_goldens.json.

    tools/make_difflib_goldens.py > tests/tasks/datasets/difflib_goldens.json

Each case: a, b, and the places [in a, in b] of the 'equal' opcodes with autojunk (the default) and without. Small alphabets
make ties; sequences of 200 and more tokens bring autojunk in.
"""
import difflib
import json
import random


def shared(a, b, autojunk):
    matcher = difflib.SequenceMatcher(None, [str(x) for x in a], [str(x) for x in b], autojunk)
    return [[i + k, j + k] for op, i, i2, j, _ in matcher.get_opcodes() if op == "equal" for k in range(i2 - i)]


def main():
    draw = random.Random(20101)
    cases = []

    def add(a, b):
        case = {"a": a, "b": b, "shared": shared(a, b, True)}
        if (plain := shared(a, b, False)) != case["shared"]:
            case["without_autojunk"] = plain
        cases.append(case)

    add([], [])
    add([1], [])
    add([0, 5, 2], [0, 6, 2])
    for n in range(150):
        letters = draw.choice([2, 3, 5, 20])
        add([draw.randrange(letters) for _ in range(draw.randrange(12))],
            [draw.randrange(letters) for _ in range(draw.randrange(12))])
    for n in range(60):  # a sentence, and one with some tokens replaced, left out or put in
        a = [0] + [draw.randrange(3, 40) for _ in range(draw.randrange(5, 30))] + [2]
        b = list(a)
        for _ in range(draw.randrange(1, 5)):
            at = draw.randrange(1, len(b))
            b[at:at + draw.randrange(2)] = [draw.randrange(3, 40) for _ in range(draw.randrange(3))]
        add(a, b)
    for n in range(4):  # long enough for autojunk
        a = [draw.choice([7, 7, 7, draw.randrange(300)]) for _ in range(210)]
        b = list(a)
        for _ in range(30):
            b[draw.randrange(len(b))] = draw.choice([7, draw.randrange(300)])
        add(a, b)
    print("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "]")


if __name__ == "__main__":
    main()
