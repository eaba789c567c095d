#!/usr/bin/env python3
"""Writes src/text/unicode/lowercase_table.cc: what str.lower() of the Python that runs this does.

Usage: python3.11 tools/make_lowercase_table.py > src/text/unicode/lowercase_table.cc
One code point becomes another by a difference, but for U+0130 (two) and for a capital sigma, whose small form depends on
its neighbours: whether they are cased or ignored, which is measured by what a sigma beside them turns into.
"""
import unicodedata

SIGMA = "\u03a3"
POINTS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def runs(codes):
    """[first, last] of neighbouring codes."""
    out = []
    for code in codes:
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def steps():
    """[first, last, stride, difference]: codes first, first + stride, ..., last are moved by difference."""
    out = []
    for code in POINTS:
        lower = chr(code).lower()
        if len(lower) != 1:
            assert (code, lower) == (0x130, "i\u0307")
            continue
        difference = ord(lower) - code
        if difference == 0:
            continue
        if out and out[-1][3] == difference:
            last = out[-1]
            if last[0] == last[1] and code - last[1] <= 2:
                last[2] = code - last[1]
            if code - last[1] == last[2]:
                last[1] = code
                continue
        out.append([code, code, 1, difference])
    return out


def table(kind, name, rows, width):
    print(f"const {kind} {name}[] = {{")
    cells = ["{" + ",".join(f"{x:#x}" if i < 2 else str(x) for i, x in enumerate(row)) + "}" for row in rows]
    for k in range(0, len(cells), width):
        print("  " + ",".join(cells[k:k + width]) + ",")
    print(f"}};\nconst size_t {name}Size = {len(cells)};\n")


def main():
    cased = [c for c in POINTS if (chr(c) + SIGMA).lower()[-1] == "\u03c2"]
    known = set(cased)
    ignored = [c for c in POINTS if c not in known and ("A" + chr(c) + SIGMA).lower()[-1] == "\u03c2"]
    print(f"// Made by tools/make_lowercase_table.py from Unicode {unicodedata.unidata_version}; do not edit.")
    print('// clang-format off\n#include "text/lowercase_table.h"\n\nnamespace roberta {\n')
    table("LowercaseRun", "kLowercase", steps(), 8)
    table("CodeRun", "kCased", runs(cased), 12)
    table("CodeRun", "kCaseIgnorable", runs(ignored), 12)
    print("}  // namespace roberta")


main()
