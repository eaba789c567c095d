#!/usr/bin/env python3
"""Fails where a script could not be started as documented: a tracked file that begins with #! but has no run bit, or a command
`tools/x.py` or `scripts/x.sh` of a document that is not there.

    tools/check_executable.py
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMAND = re.compile(r"(?<![\w/.-])((?:tools|scripts|tests)/[\w/]+\.(?:py|sh))(?![\w/])")


def main():
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    scripts, problems = 0, []
    for name in files:
        path = ROOT / name
        if not path.is_file() or name.startswith(("fuzz/corpus/", "fuzz/regressions/")):
            continue
        with open(path, "rb") as file:
            script = file.read(2) == b"#!"
        if script:
            scripts += 1
            if not os.access(path, os.X_OK):
                problems.append(f"{name}:1: begins with #! but has no run bit: chmod +x {name}")
        if name.endswith(".md") or name == "Makefile":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                problems += [f"{name}:{number}: {command} does not exist" for command in COMMAND.findall(line)
                             if not (ROOT / command).is_file()]
    print("\n".join(problems), end="\n" if problems else "")
    print(f"check_executable: {scripts} scripts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
