"""What the tests of deploy/ share."""
import importlib
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
MODEL = ROOT / "models/roberta-small-english"
PROGRAM = pathlib.Path(os.environ.get("ROBERTA_BIN", ROOT / "build/bin/roberta")).resolve()
NAME = pathlib.Path(sys.argv[0]).stem


def need(good, *what):
    if not good:
        sys.exit(f"{NAME}: " + " ".join(map(str, what)))


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def library(name):
    """The module, or the test is skipped."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        skip(f"{error} (scripts/bootstrap.sh clients)")


def tool(name, hint):
    """Its path: beside the interpreter, or in PATH."""
    beside = pathlib.Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or skip(f"no {name} ({hint})")
