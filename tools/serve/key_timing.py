#!/usr/bin/env python3
"""Does the time of a refusal tell how much of an API key was guessed? (T-30)

Sends a server two classes of wrong keys in random order, wrong in the first and in the last byte, over one kept connection, and
prints Welch's t of their times without the slowest tenth; |t| < 4.5 passes. Beside it missing, wrong, near-miss and right keys.

    tools/serve/key_timing.py [--program build/bin/roberta] [--requests 40000]
"""
import argparse
import math
import pathlib
import random
import statistics
import sys
import tempfile
import time

from server import ROOT, Server
from wire import get

KEY = "k3y-" + "s" * 56


def welch(a, b):
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))


def times_of_classes(server, requests):
    """Seconds of each refusal, by class."""
    wrong = [get("/info", authorization="Bearer x" + KEY[1:]), get("/info", authorization="Bearer " + KEY[:-1] + "x")]
    times, source = ([], []), random.Random(1)
    with server.connect() as connection:
        for _ in range(requests):
            which = source.randrange(2)
            begun = time.perf_counter()
            answer = connection.ask(wrong[which])
            times[which].append(time.perf_counter() - begun)
            assert answer.status == 401, answer
    cut = sorted(times[0] + times[1])[requests * 9 // 10]
    return [[t for t in of_class if t <= cut] for of_class in times]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=ROOT / "build/bin/roberta", type=pathlib.Path)
    options.add_argument("--requests", default=40000, type=int)
    arguments = options.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
        keys.write(KEY + "\nanother-key\n")
        keys.flush()
        with Server(arguments.program, "--api-key-file", keys.name) as server:
            server.wait_ready()
            for name, sent, status in (("missing", None, 401), ("wrong", "nonsense", 401), ("one byte short", KEY[:-1], 401),
                                       ("one byte more", KEY + "s", 401), ("right", KEY, 200), ("the other", "another-key", 200)):
                with server.connect() as connection:
                    answer = connection.ask(get("/info", **({} if sent is None else {"authorization": "Bearer " + sent})))
                challenge = answer.headers.get("www-authenticate", "")
                good = answer.status == status and (status == 200 or challenge == "Bearer")
                print(f"{name:>15}: {answer.status} {challenge}{'' if good else '  WRONG'}")
                if not good:
                    return 1
            first, last = times_of_classes(server, arguments.requests)
    t = welch(first, last)
    print(f"{len(first)} + {len(last)} refusals, means {statistics.fmean(first) * 1e6:.2f} and {statistics.fmean(last) * 1e6:.2f} us, "
          f"t = {t:.2f}: {'pass' if abs(t) < 4.5 else 'FAIL'}")
    return 0 if abs(t) < 4.5 else 1


if __name__ == "__main__":
    sys.exit(main())
