"""A load generator in one thread: an open loop (requests at scheduled times, however slow the responses) and a closed loop (a
number of clients, each sending its next request after a response). Latencies of the open loop count from the scheduled time, so
a response that is late because of an earlier one counts as late too.
"""
import gc
import math
import random
import select
import socket
import time
from typing import NamedTuple

from wire import split_answer

WORDS = ("the city of river was built in a large house near old station and people came from every part country to see it "
         "during summer war king music school water").split()


class Sample(NamedTuple):
    scheduled: float  # seconds from the start of the load
    sent: float
    done: float
    status: int       # 0: the connection broke, or no response in time
    retry_after: bool
    kind: int         # which request it was

    @property
    def latency(self):
        return self.done - self.scheduled


def masked_text(rng, low=6, high=110):
    """As wrk's load.lua: about 8 to 128 tokens with one mask."""
    words = rng.choices(WORDS, k=rng.randint(low, high))
    words[rng.randrange(len(words))] = "<mask>"
    return " ".join(words)


def poisson(rate, seconds, seed=1):
    rng, at, due = random.Random(seed), 0.0, []
    while (at := at + rng.expovariate(rate)) < seconds:
        due.append(at)
    return due


def even(rate, seconds):
    return [i / rate for i in range(int(rate * seconds))]


def percentile(values, q):
    """Nearest rank."""
    values = sorted(values)
    return values[max(0, math.ceil(q / 100 * len(values)) - 1)] if values else math.nan


class _Line:
    """A connection with at most one pending request."""

    __slots__ = ("socket", "data", "scheduled", "sent", "kind")

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""


class Loader:
    """`requests`: bytes, used in turn. `on_answer(kind, answer)`, when given, sees every answer."""

    def __init__(self, port, requests, on_answer=None):
        self.port, self.requests, self.on_answer = port, requests, on_answer
        self.idle, self.busy = [], {}
        self.poll = select.epoll()
        self.samples, self.count = [], 0

    def _send(self, scheduled):
        try:
            line = self.idle.pop() if self.idle else self._open()
        except OSError:
            self.samples.append(Sample(scheduled, self.now(), self.now(), 0, False, -1))
            return
        line.kind = self.count % len(self.requests)
        self.count += 1
        line.scheduled, line.sent = scheduled, self.now()
        self.busy[line.socket.fileno()] = line
        try:
            line.socket.sendall(self.requests[line.kind])
        except OSError:
            self._finish(line, None)

    def _open(self):
        line = _Line(self.port)
        self.poll.register(line.socket.fileno(), select.EPOLLIN)
        return line

    def _receive(self, line):
        """The response when it is complete; None when the connection broke; False when it is incomplete."""
        try:
            more = line.socket.recv(1 << 16)
        except OSError:
            return None
        if not more:
            return None
        line.data += more
        found = split_answer(line.data)
        if not found:
            return False
        line.data = found[1]
        return found[0]

    def _finish(self, line, answer):
        number = line.socket.fileno()
        self.busy.pop(number, None)
        self.samples.append(Sample(line.scheduled, line.sent, self.now(), answer.status if answer else 0,
                                   bool(answer) and "retry-after" in answer.headers, line.kind))
        if answer and self.on_answer:
            self.on_answer(line.kind, answer)
        if answer is None or answer.headers.get("connection", "").lower() == "close":
            self.poll.unregister(number)
            line.socket.close()
        else:
            self.idle.append(line)

    def _wait(self, until):
        """Receives until that time; returns the lines that are free again."""
        freed = []
        for number, _ in self.poll.poll(max(0.0, until - self.now())):
            line = self.busy.get(number)
            if line is None:  # a kept connection that the server closed
                for i, other in enumerate(self.idle):
                    if other.socket.fileno() == number:
                        self.poll.unregister(number)
                        self.idle.pop(i).socket.close()
                        break
                continue
            answer = self._receive(line)
            if answer is not False:
                self._finish(line, answer)
                freed.append(line)
        return freed

    def now(self):
        return time.perf_counter() - self.start

    def _begin(self):
        self.samples, self.start = [], time.perf_counter()
        gc.collect()
        gc.disable()

    def _end(self, grace):
        end = self.now() + grace
        while self.busy and self.now() < end:
            self._wait(end)
        for line in list(self.busy.values()):
            self._finish(line, None)
        gc.enable()
        return self.samples

    def open_loop(self, due, grace=60):
        """Samples of requests sent at these times; waits for responses `grace` seconds after the last."""
        self._begin()
        for at in due:
            while self.now() < at:
                self._wait(at)
            self._send(at)
        return self._end(grace)

    def closed_loop(self, clients, seconds, grace=60):
        """Samples of `clients` that send the next request right after a response."""
        self._begin()
        for _ in range(clients):
            self._send(self.now())
        while self.now() < seconds:
            for _ in self._wait(seconds):
                if self.now() < seconds:
                    self._send(self.now())
        return self._end(grace)

    def close(self):
        for line in [*self.idle, *self.busy.values()]:
            line.socket.close()
        self.poll.close()
        self.idle, self.busy = [], {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def figures(samples, seconds):
    """Of one load: responses per second and latencies in ms, by kind of response."""
    good = [s for s in samples if s.status == 200]
    refused = [s for s in samples if s.status == 429]
    return {
        "requests": len(samples), "ok": len(good), "refused": len(refused),
        "errors": len(samples) - len(good) - len(refused), "server_errors": sum(s.status >= 500 for s in samples),
        "broken": sum(s.status == 0 for s in samples),
        "ok_per_s": round(sum(s.done <= seconds for s in good) / seconds, 2),
        "p50_ms": round(1e3 * percentile([s.latency for s in good], 50), 2),
        "p99_ms": round(1e3 * percentile([s.latency for s in good], 99), 2),
        "refusal_p50_ms": round(1e3 * percentile([s.done - s.sent for s in refused], 50), 2) if refused else None,
        "refusal_p99_ms": round(1e3 * percentile([s.done - s.sent for s in refused], 99), 2) if refused else None,
        "refusal_max_ms": round(1e3 * max(s.done - s.sent for s in refused), 2) if refused else None,
        "loader_late_p99_ms": round(1e3 * percentile([s.sent - s.scheduled for s in samples], 99), 2),
    }
