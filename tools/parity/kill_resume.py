#!/usr/bin/env python3
"""tests/train/kill_resume.py with 20 kills, where the test suite has 3."""
import os
import pathlib
import subprocess
import sys

if __name__ == "__main__":
    script = pathlib.Path(__file__).parents[2] / "tests/train/kill_resume.py"
    sys.exit(subprocess.run([sys.executable, script, os.environ["ROBERTA_BIN"], "20"]).returncode)
