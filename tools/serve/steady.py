#!/usr/bin/env python3
"""A steady load: 50 requests a second for 30 s, then 10 minutes at 80 % of the capacity; nothing may fail, and 99 % of the
requests take at most four times the median.

    tools/serve/steady.py
    tools/serve/steady.py --seconds 3 --no-clock

Requests come at even gaps, as k6's constant arrival rate sends them; --poisson makes the gaps exponential.
"""
import sys

from loader import Loader, even, figures, poisson
from overload import bodies, capacity
from server import Server
from verdict import Verdict, arguments


def main():
    parser = arguments(__doc__, 600)
    parser.add_argument("--poisson", action="store_true", help="exponential gaps")
    options = parser.parse_args()
    verdict, requests = Verdict("steady", options.clock), bodies()
    gaps = poisson if options.poisson else even
    with Server(options.program, "--threads", options.threads, model=options.model) as server:
        server.wait_ready()
        first = min(30.0, options.seconds)
        with Loader(server.port, requests) as loader:
            fifty = figures(loader.open_loop(gaps(50, first)), first)
        peak = capacity(server, requests, max(1.0, min(15.0, options.seconds / 4)))
        with Loader(server.port, requests) as loader:
            load = figures(loader.open_loop(gaps(0.8 * peak, options.seconds)), options.seconds)
        after = server.metrics()
    verdict.note(at_50_per_s=fifty, capacity=peak, at_80_percent=load, p99_of_p50=round(load["p99_ms"] / load["p50_ms"], 2),
                 queue_left=after.get("te_queue_size"))
    for name, found in (("50 requests a second", fifty), ("80 % of the capacity", load)):
        verdict.need(found["ok"] == found["requests"], f"{found['requests'] - found['ok']} of {found['requests']} failed at {name}")
    verdict.need_time(load["p99_ms"] <= 4 * load["p50_ms"], "p99 above four times the median")
    verdict.need(not after.get("te_queue_size"), "requests are left in the queue")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
