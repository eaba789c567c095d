#!/usr/bin/env python3
"""Does the time of a rejection reveal how much of an API key was guessed?

Sends a server two classes of wrong keys in random order, wrong in the first and in the last byte, over one kept connection, and
judges Welch's t of their times without the slowest tenth: |t| < 4.5. First, missing, wrong, near-miss and right keys.

    tools/serve/key_timing.py
    tools/serve/key_timing.py --requests 2000 --no-clock
"""
import math
import random
import statistics
import sys
import time

from server import Server
from verdict import Verdict, arguments
from wire import get

KEY = "k3y-" + "s" * 56


def asks_for(key):
    return get("/info", **({} if key is None else {"authorization": "Bearer " + key}))


def welch(a, b):
    spread = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return (statistics.fmean(a) - statistics.fmean(b)) / spread


def times_of_classes(server, requests, verdict):
    """Seconds of each rejection, by class."""
    wrong = [asks_for("x" + KEY[1:]), asks_for(KEY[:-1] + "x")]
    times, rng, admitted = ([], []), random.Random(1), 0
    with server.connect() as connection:
        for _ in range(requests):
            which = rng.randrange(2)
            begun = time.perf_counter()
            answer = connection.ask(wrong[which])
            times[which].append(time.perf_counter() - begun)
            admitted += answer.status != 401
    verdict.need(admitted == 0, f"{admitted} wrong keys were not rejected")
    cut = sorted(times[0] + times[1])[requests * 9 // 10]
    return [[t for t in of_class if t <= cut] for of_class in times]


def main():
    parser = arguments(__doc__, 0)
    parser.add_argument("--requests", type=int, default=40000)
    options = parser.parse_args()
    verdict = Verdict("key_timing", options.clock)
    keys = ("--api-key", KEY, "--api-key", "another-key")
    with Server(options.program, "--threads", options.threads, *keys, model=options.model) as server:
        server.wait_ready()
        for name, key, status in (("missing", None, 401), ("wrong", "nonsense", 401), ("one byte short", KEY[:-1], 401),
                                  ("one byte more", KEY + "s", 401), ("right", KEY, 200), ("the other", "another-key", 200)):
            with server.connect() as connection:
                answer = connection.ask(asks_for(key))
            verdict.need(answer.status == status, f"{name} key: {answer.status}")
            verdict.need(status == 200 or answer.headers.get("www-authenticate") == "Bearer", f"{name} key: no challenge")
        verdict.need(KEY not in server.log(), "the key is in the log")
        first, last = times_of_classes(server, options.requests, verdict)
    t = welch(first, last)
    verdict.note(refusals=options.requests, t=round(t, 2), first_us=round(statistics.fmean(first) * 1e6, 3),
                 last_us=round(statistics.fmean(last) * 1e6, 3))
    verdict.need_time(abs(t) < 4.5, f"|t| = {abs(t):.2f}: times tell something of the key")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
