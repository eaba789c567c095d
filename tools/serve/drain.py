#!/usr/bin/env python3
"""Repeated SIGTERM under load: /readyz responds 503 at once, accepted requests are finished, no client sees a reset, exit code 0.

    tools/serve/drain.py                            100 times
    tools/serve/drain.py --runs 2 --no-clock
"""
import random
import signal
import sys
import threading
import time

from server import Server
from verdict import Verdict, arguments
from wire import Closed, Connection, get, post

CLIENTS = 8


class Client(threading.Thread):
    """Sends requests over a connection until it is closed, then over a new one, until connecting fails."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.port, self.rng = port, random.Random(seed)
        self.answered, self.failures, self.closed = 0, [], 0

    def run(self):
        while True:
            try:
                connection = Connection(self.port, 60)
            except OSError:  # connection refused: the listener is closed
                return
            with connection:
                if not self.use(connection):
                    return

    def use(self, connection):
        first = True
        while True:
            try:
                text = "hello there " * self.rng.randrange(1, 20)
                answer = connection.ask(post("/embed", {"inputs": [text] * self.rng.randrange(1, 4)}))
            except Closed as closed:
                # The server may close between two requests, and clients retry; the first request must not be lost, and
                # no response truncated.
                if first or "after 0 bytes" not in str(closed):
                    self.failures.append(str(closed))
                self.closed += 1
                return True
            except OSError as error:
                self.failures.append(str(error))
                return True
            if answer.status != 200:
                self.failures.append(f"{answer.status} {answer.body[:100]}")
            self.answered += 1
            first = False
            if answer.headers.get("connection") == "close":
                return True


def one_run(options, verdict, run, rng):
    delay = [0.0, 0.3][run % 2]
    server = Server(options.program, "--threads", options.threads, "--drain-delay", f"{delay}s", model=options.model)
    server.wait_ready()
    clients = [Client(server.port, rng.random()) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(0.2 + 0.2 * rng.random())
    probe = server.connect()
    probe.ask(get("/livez"))
    begin = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    status, first_503 = 200, None
    while delay and status == 200 and time.monotonic() < begin + 5:
        status = server.get("/readyz").status  # over new connections, which are still accepted
        first_503 = time.monotonic() - begin
    code = server.process.wait(60)
    took = time.monotonic() - begin
    for client in clients:
        client.join(30)
    probe.close()
    failures = [failure for client in clients for failure in client.failures]
    verdict.need(code == 0, f"run {run}: exit code {code}: {server.log()}")
    verdict.need(not failures, f"run {run}: {failures[:3]}")
    verdict.need(status == 503 or not delay, f"run {run}: /readyz {status}")
    verdict.need_time(first_503 is None or first_503 < 0.1, f"run {run}: /readyz turned after {first_503} s")
    verdict.need_time(took <= 30, f"run {run}: {took:.1f} s")
    return sum(client.answered for client in clients), sum(client.closed for client in clients), took


def main():
    parser = arguments(__doc__, 0)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    verdict, rng = Verdict("drain", options.clock), random.Random(26)
    results = [one_run(options, verdict, run, rng) for run in range(options.runs)]
    verdict.note(runs=len(results), answered=sum(r[0] for r in results), closed_between_requests=sum(r[1] for r in results),
                 longest_drain_s=round(max(r[2] for r in results), 2))
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
