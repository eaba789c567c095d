"""What the tests of clients share: the program, a server on the shipped model, checks, skipping."""
import importlib
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path.insert(0, str(ROOT / "tools/serve"))
from server import SMALL, Server  # noqa: E402

PROGRAM = os.environ.get("ROBERTA_BIN", str(ROOT / "build/bin/roberta"))
WIDTH = 288  # of the shipped model
CARD = ["Paris is the <mask> of France.", "Today is a <mask> day!"]


def need(good, *what):
    if not good:
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: " + " ".join(map(str, what)))


def need_equal(found, expected, what):
    need(found == expected, f"{what}: {found!r} instead of {expected!r}")


def library(name):
    """The module, or the test is skipped."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"skipped: {error} (scripts/bootstrap.sh clients)")
        sys.exit(77)


def serve(*options, name="roberta-small-english"):
    """A server that is ready."""
    server = Server(PROGRAM, "--threads", 1, "--model", f"{name}={SMALL}", *options, model=None)
    server.wait_ready()
    return server


def need_words(answer, count):
    """The card's answer: a word for each text."""
    need(isinstance(answer, list) and len(answer) == count, f"not {count} words: {answer!r}")
    need(all(isinstance(word, str) and word.strip() == word and word for word in answer), f"not words: {answer!r}")
    return answer


def need_near(found, expected, what, limit=1e-6):
    need(len(found) == len(expected), f"{what}: {len(found)} values instead of {len(expected)}")
    worst = max(abs(a - b) for a, b in zip(found, expected))
    need(worst <= limit, f"{what}: apart by {worst}")
