"""The result of a load script: figures and failed checks, as one line of JSON and the exit code."""
import argparse
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Verdict:
    """`clock=False`: times are reported but not checked, for busy machines or instrumented code."""

    def __init__(self, test, clock=True):
        self.test, self.clock, self.figures, self.failures = test, clock, {}, []

    def note(self, **figures):
        self.figures.update(figures)
        print(f"{self.test}: " + ", ".join(f"{k} {v}" for k, v in figures.items()), file=sys.stderr, flush=True)

    def need(self, good, why):
        if not good:
            self.failures.append(why)
            print(f"{self.test}: FAILED: {why}", file=sys.stderr, flush=True)

    def need_time(self, good, why):
        if self.clock:
            self.need(good, why)

    def finish(self):
        print(json.dumps({"test": self.test, "passed": not self.failures, "failures": self.failures, "clock": self.clock, **self.figures}))
        return 1 if self.failures else 0


def arguments(description, seconds):
    """A parser with the options of all these scripts."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("ROBERTA_BIN", str(ROOT / "build/bin/roberta")))
    parser.add_argument("--model", default=str(ROOT / "models/roberta-small-english"))
    parser.add_argument("--seconds", type=float, default=seconds, help=f"of the longest part ({seconds:g})")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="of compute (all cores but one, which the load needs)")
    parser.add_argument("--no-clock", dest="clock", action="store_false",
                        help="judge no times: for a machine that others use, or a sanitizer's build")
    return parser
