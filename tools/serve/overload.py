#!/usr/bin/env python3
"""Three times the capacity of the server for one minute: accepted requests are about as fast as under a normal load; the others
are rejected at once (429 with Retry-After); the throughput stays at its maximum, and the server recovers as soon as the load
ends.

    tools/serve/overload.py                          one minute at three times the capacity, after some measuring (2 minutes)
    tools/serve/overload.py --seconds 3 --no-clock   does it work?

An open loop with exponential gaps between requests; texts of 8 to 128 tokens. The server's --max-queue-time is set to what
99 of 100 requests take at 80 % load, as its owner would who wants about that.
"""
import random
import sys
import time

from loader import Loader, figures, masked_text, poisson
from server import Server
from verdict import Verdict, arguments
from wire import post


def bodies(count=512, seed=7):
    rng = random.Random(seed)
    return [post("/score", {"input_data": [masked_text(rng)]}) for _ in range(count)]


def capacity(server, requests, seconds, clients=32):
    """Responses per second of a closed loop."""
    with Loader(server.port, requests) as loader:
        loader.closed_loop(clients, min(2.0, seconds))  # until threads and memory are there
        samples = loader.closed_loop(clients, seconds)
    found = figures(samples, seconds)
    if found["errors"] or found["refused"]:
        raise SystemExit(f"overload: the closed loop had errors: {found}")
    return found["ok_per_s"]


def recovery(port, requests, limit, since, patience=10.0):
    """Seconds from `since` until five requests in a row, one at a time, got responses within `limit` seconds."""
    row, first = 0, None
    with Loader(port, requests) as loader:
        while time.perf_counter() - since < patience:
            begin = time.perf_counter()
            sample = loader.open_loop([0.0])[0]
            good = sample.status == 200 and sample.latency <= limit
            first = (first or begin) if good else None
            row = row + 1 if good else 0
            if row == 5:
                return first - since
    return None


def main():
    parser = arguments(__doc__, 60)
    parser.add_argument("--times", type=float, default=3.0, help="of the capacity")
    options = parser.parse_args()
    verdict, requests = Verdict("overload", options.clock), bodies()
    short = max(1.0, options.seconds / 4)
    with Server(options.program, "--threads", options.threads, model=options.model) as server:
        server.wait_ready()
        peak = capacity(server, requests, short)
        with Loader(server.port, requests) as loader:
            healthy = figures(loader.open_loop(poisson(0.8 * peak, short)), short)
    verdict.note(capacity=peak, healthy=healthy)
    verdict.need(healthy["errors"] == 0, "errors at 80 % load")

    limit_ms = max(1, round(healthy["p99_ms"]))
    with Server(options.program, "--threads", options.threads, "--max-queue-time", f"{limit_ms}ms", model=options.model) as server:
        server.wait_ready()
        capacity(server, requests[:64], 0.5, clients=2)
        with Loader(server.port, requests) as loader:
            samples = loader.open_loop(poisson(options.times * peak, options.seconds))
            ended = loader.start + options.seconds
        back = recovery(server.port, requests, 2e-3 * healthy["p99_ms"], ended)
        over = figures(samples, options.seconds)
        metrics = server.metrics()
    verdict.note(max_queue_time_ms=limit_ms, overload=over, recovery_s=None if back is None else round(back, 3),
                 goodput_of_peak=round(over["ok_per_s"] / peak, 3), p99_of_healthy=round(over["p99_ms"] / healthy["p99_ms"], 3),
                 rss_mb=round(metrics.get("process_resident_memory_bytes", 0) / 1e6, 1))
    verdict.need(over["server_errors"] == 0, f"{over['server_errors']} answers of 5xx")
    verdict.need(over["errors"] == 0, f"{over['errors']} answers other than 200 and 429, {over['broken']} of them broken connections")
    verdict.need(over["ok"] > 0, "nothing was answered")
    verdict.need(all(s.retry_after for s in samples if s.status == 429), "a 429 without Retry-After")
    verdict.need_time(over["refused"] > 0, "nothing was refused")
    verdict.need_time(over["p99_ms"] <= 2 * healthy["p99_ms"], "p99 of accepted requests above twice that at 80 % load")
    verdict.need_time(not over["refused"] or over["refusal_p99_ms"] <= 20, "p99 of refusals above 20 ms")
    verdict.need_time(over["ok_per_s"] >= 0.9 * peak, "goodput below 90 % of the peak")
    verdict.need(back is not None, "does not recover")
    verdict.need_time(back is None or back <= 2, "recovery takes more than 2 s")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
