#!/usr/bin/env python3
"""Fails where the last run of ctest skipped a test that tests/expected_skips.txt does not name: a skipped test is not a passed one.

    tools/check_skips.py BUILD_DIR [--list FILE]

Reads BUILD_DIR/test-results.xml (ctest --output-junit) and BUILD_DIR/Testing/Temporary/LastTest.log. Each line of the list is
    CTEST_NAME[/GOOGLETEST_NAME]    reason
with * for any characters; what follows the first run of two blanks is for readers. An entry that matched nothing is reported too,
as a note: what it allows depends on the machine.
"""
import argparse
import fnmatch
import pathlib
import re
import sys
import xml.etree.ElementTree as xml


def skipped_tests(build):
    """Names of ctest's skipped tests, and ctest/googletest names of those skipped inside a test program."""
    names = []
    for case in xml.parse(build / "test-results.xml").getroot().iter("testcase"):
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            names.append(case.get("name"))
    log = (build / "Testing/Temporary/LastTest.log").read_text(encoding="utf-8", errors="replace")
    for part in re.split(r"^-{20,}$\n(?=\d+/\d+ Test)|^(?=\d+/\d+ Testing: )", log, flags=re.M):
        head = re.match(r"\d+/\d+ Testing: (\S+)", part or "")
        if not head:
            continue
        for name in sorted(set(re.findall(r"^\[  SKIPPED \] (\w+[./]\S*?)(?: \(\d+ ms\))?$", part, flags=re.M))):
            names.append(f"{head[1]}/{name}")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--list", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent / "tests/expected_skips.txt")
    arguments = parser.parse_args()
    expected = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in arguments.list.read_text(encoding="utf-8").splitlines()
                if line.strip() and not line.startswith("#")]
    names = skipped_tests(arguments.build)
    used, unexpected = set(), []
    for name in names:
        patterns = [entry[0] for entry in expected if fnmatch.fnmatchcase(name, entry[0])]
        used.update(patterns)
        if patterns:
            print(f"skipped, as expected: {name}")
        else:
            unexpected.append(name)
    for name in unexpected:
        print(f"skipped, and not in {arguments.list.name}: {name}")
    print(f"check_skips: {len(names)} skipped, {len(unexpected)} of them unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
