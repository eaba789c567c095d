#!/usr/bin/env python3
"""Writes the examples in the head comments of public headers as a C++ file, one function for each header.

    tests/api/header_examples.py OUTPUT HEADER...

An example is the part of the head comment that is indented by five blanks.
"""
import pathlib
import re
import sys

TOP = """// Made by tests/api/header_examples.py.
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "roberta/roberta.h"
#include "tests/api/header_examples.h"

#pragma GCC diagnostic ignored "-Wunused-variable"

namespace {
"""


def example_of(header):
    lines = []
    for line in header.read_text().splitlines()[1:]:
        if not line.startswith("//"):
            break
        if line.startswith("//     "):
            lines.append(line[5:])
    return lines


def main(output, headers):
    functions, rows = [], []
    for header in map(pathlib.Path, headers):
        lines = example_of(header)
        if not lines:
            continue
        name = "example_of_" + re.sub(r"\W", "_", header.stem)
        functions += ["", f"void {name}() {{", *lines, "}"]
        rows.append(f'    {{"{header.name}", {name}}},')
    text = [TOP.rstrip("\n"), *functions, "", "constexpr HeaderExample kExamples[] = {", *rows, "};", "}  // namespace", "",
            "std::span<const HeaderExample> header_examples() { return kExamples; }", ""]
    pathlib.Path(output).write_text("\n".join(text))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
