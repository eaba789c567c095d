#!/usr/bin/env python3
"""Clients that send slowly, announce too much or send invalid data: others are served meanwhile, and each is rejected within
bounded time and memory.

    tools/serve/hostile.py                         1,000 drips of each kind, bodies, nonsense: under a minute
    tools/serve/hostile.py --drips 100 --no-clock
"""
import gzip
import json
import resource
import selectors
import socket
import statistics
import sys
import threading
import time

from server import Server
from verdict import Verdict, arguments
from wire import Connection, Closed, get, post, request, split_answer

LIMIT = 2_000_000  # --payload-limit's default
MB = 1 << 20


class Prober(threading.Thread):
    """Requests /livez over one connection all the time; milliseconds of each response."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection, self.times, self.ending = Connection(port), [], False

    def run(self):
        while not self.ending:
            begin = time.perf_counter()
            if self.connection.ask(get("/livez")).status != 200:
                raise RuntimeError("/livez")
            self.times.append(1000 * (time.perf_counter() - begin))
            time.sleep(0.002)

    def finish(self):
        self.ending = True
        self.join()
        self.connection.close()
        self.times.sort()
        return self.times


def small_window(port):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(("127.0.0.1", port))
    return connection


class Drip:
    """One slow client. `step` is called every second."""

    def __init__(self, port, kind, big):
        self.kind, self.closed_after, self.data = kind, None, b""
        if kind == "reader":  # answers of 6 MB, of which it takes a byte a second
            self.socket = small_window(port)
            self.socket.sendall(big)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port))
            self.socket.sendall(b"GET /score HTTP/1.1\r\nx-a: " if kind == "header" else
                                b"POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n")
        self.begin = time.monotonic()
        self.socket.setblocking(False)

    def read(self):
        """False when the server has closed."""
        try:
            data = self.socket.recv(1 if self.kind == "reader" else 4096)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if data:
            self.data += data
            return True
        self.closed_after = time.monotonic() - self.begin
        self.socket.close()
        return False

    def step(self):
        if self.kind != "reader":
            try:
                self.socket.send(b"x")
            except OSError:
                pass


def drips(verdict, server, options, kind, seconds):
    """`options.drips` slow clients at once, all of which must be closed within `seconds`."""
    big = post("/embed_all", {"inputs": ["a b " * 400] * 4}) if kind == "reader" else None
    rss = server.rss()
    prober = Prober(server.port)
    count = options.drips if kind != "reader" else min(options.drips, 8)  # each has megabytes to take, that were computed
    clients = [Drip(server.port, kind, big) for _ in range(count)]
    if kind == "reader":
        while server.metrics()["roberta_requests_in_flight"]:
            time.sleep(0.1)
        for client in clients:
            client.begin = time.monotonic()
    prober.start()
    selector, most = selectors.DefaultSelector(), rss
    for client in clients:
        if kind != "reader":
            selector.register(client.socket, selectors.EVENT_READ, client)
    open_clients, begin, next_step = set(clients), time.monotonic(), time.monotonic()
    while open_clients and time.monotonic() < begin + seconds + 15:
        for key, _ in selector.select(0.05) if kind != "reader" else []:
            if not key.data.read():
                selector.unregister(key.fileobj) if key.fd >= 0 else None
                open_clients.discard(key.data)
        if time.monotonic() >= next_step:
            next_step += 1
            most = max(most, server.rss())
            for client in list(open_clients):
                client.step()
        if kind == "reader":
            time.sleep(0.05)
            if server.metrics().get("roberta_connections", 0) <= 2:  # the prober's and this one's
                for client in open_clients:
                    client.closed_after = time.monotonic() - client.begin
                open_clients.clear()
    times = prober.finish()
    closed = [client.closed_after for client in clients if client.closed_after is not None]
    answered = sum(client.data.startswith(b"HTTP/1.1 408") for client in clients)
    for client in clients:
        client.socket.close()
    p99 = times[int(0.99 * len(times))]
    verdict.note(**{f"{kind}_drips": count, f"{kind}_closed_after_s": round(max(closed, default=-1), 2), f"{kind}_408": answered,
                    f"{kind}_livez_p50_ms": round(statistics.median(times), 2), f"{kind}_livez_p99_ms": round(p99, 2),
                    f"{kind}_rss_growth_mb": round((most - rss) / MB, 1)})
    verdict.need(len(closed) == count, f"{count - len(closed)} of {count} {kind} drips were not closed")
    verdict.need_time(max(closed, default=99) <= seconds, f"a {kind} drip was closed after {max(closed, default=99):.1f} s")
    verdict.need_time(p99 <= 50, f"/livez took {p99:.1f} ms (p99) beside {kind} drips")
    # Answers that are being taken are what the clients asked for.
    verdict.need(most - rss <= (64 * MB if kind != "reader" else 64 * MB + 20 * MB * count),
                 f"memory grew by {(most - rss) / MB:.0f} MB for {kind} drips")
    if kind != "reader":
        verdict.need(answered == count, f"{answered} of {count} {kind} drips got 408")


def talk(port, data, patience=20):
    """(status or 0, milliseconds until the response) for raw bytes; sending may be cut short."""
    with Connection(port, patience) as connection:
        begin = time.perf_counter()
        try:
            connection.send(data)
        except OSError:
            pass
        try:
            status = connection.answer().status
        except OSError:
            status = 0
        return status, 1000 * (time.perf_counter() - begin)


def chunks_of(size, piece):
    full, rest = divmod(size, piece)
    body = (b"%x\r\n" % piece + b" " * piece + b"\r\n") * full
    return body + ((b"%x\r\n" % rest + b" " * rest + b"\r\n") if rest else b"") + b"0\r\n\r\n"


def bodies(verdict, server):
    """Bodies near the limit and far beyond it; 400 means that the whole body was read: spaces are not JSON."""
    chunked = b"POST /score HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    claim = "POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n"
    bomb = gzip.compress(b" " * (1000 * LIMIT // 100))
    cases = [(f"content-length limit{d:+d}", post("/score", b" " * (LIMIT + d)), 413 if d > 0 else 400) for d in (-1, 0, 1)]
    cases += [(f"chunks limit{d:+d}", chunked + chunks_of(LIMIT + d, 65536), 413 if d > 0 else 400) for d in (-1, 0, 1)]
    cases += [("content-length 50 MB", post("/score", b" " * 50_000_000), 413),
              ("chunks 50 MB", chunked + chunks_of(50_000_000, 65536), 413),
              ("10 GB claimed", claim.format(10_000_000_000).encode() + b"x" * 1000, 413),
              ("2^64-1 claimed", claim.format(2**64 - 1).encode(), 413),
              ("10 GB chunk", chunked + b"2540BE400\r\nxx", 413),
              ("2,000,000 chunks of a byte", chunked + b"1\r\n \r\n" * 2_000_000 + b"0\r\n\r\n", 400),
              ("3 MB of 6-byte chunks", chunked + b"1\r\n \r\n" * 500_000, 0),
              ("gzip bomb", request("POST", "/score", bomb, content_encoding="gzip"), 413),
              ("gzip bomb of gzips", request("POST", "/score", gzip.compress(b" " * 100000) * 1000, content_encoding="gzip"), 413)]
    server.metrics()
    rss = most = server.rss()
    for name, data, wanted in cases:
        status, ms = talk(server.port, data, 5 if wanted == 0 else 30)
        most = max(most, server.rss())
        verdict.note(**{name: f"{status} in {ms:.0f} ms"})
        verdict.need(status == wanted, f"{name}: {status}, not {wanted}")
    verdict.note(bodies_rss_growth_mb=round((most - rss) / MB, 1))
    verdict.need(most - rss <= 8 * LIMIT, f"memory grew by {(most - rss) / MB:.0f} MB")


def nonsense(verdict, server, rounds):
    """Each is rejected with the expected status within ten milliseconds, in the same JSON shape."""
    def head(lines, path="/score"):
        return f"GET {path} HTTP/1.1\r\nhost: a\r\n{lines}\r\n".encode("latin-1")

    smuggle = "POST /score HTTP/1.1\r\nhost: a\r\n{}\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
    cases = {
        "header of 100 KB": (head("x: " + "y" * 100_000 + "\r\n"), 431), "10,000 headers": (head("a: b\r\n" * 10_000), 431),
        "URI of 100 KB": (head("", "/" + "y" * 100_000), 414), "folded header": (head("x: a\r\n b\r\n"), 400),
        "NUL in a value": (head("x: a\0b\r\n"), 400), "CR in a value": (head("x: a\rb\r\n"), 400),
        "space before the colon": (head("x : a\r\n"), 400), "two hosts": (head("host: b\r\n"), 400),
        "bare LF": (b"GET / HTTP/1.1\nhost: a\n\n", 400), "TLS": (bytes.fromhex("1603010200010001fc0303") + b"\r\n\r\n", 400),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), "empty lines": (b"\r\n\r\n", 400),
        "length and chunks": (smuggle.format("content-length: 5\r\ntransfer-encoding: chunked").encode(), 400),
        "chunks and length": (smuggle.format("transfer-encoding: chunked\r\ncontent-length: 5").encode(), 400),
        "two lengths": (smuggle.format("content-length: 5\r\ncontent-length: 6").encode(), 400),
        "hidden chunks": (smuggle.format("transfer-encoding: xchunked").encode(), 501),
        "chunk of -2": (smuggle.format("transfer-encoding: chunked").encode().replace(b"\r\n0\r\n", b"\r\n-2\r\n"), 400),
        "chunk of 17 digits": (smuggle.format("transfer-encoding: chunked").encode().replace(b"\r\n0\r\n", b"\r\n" + b"f" * 17 + b"\r\n"), 400),
        "depth 1,000,000": (post("/score", b"[" * 1_000_000), 400), "twice a key": (post("/score", b'{"a":1,"a":2}'), 400),
        "1e400": (post("/score", b'{"a":1e400}'), 400), "lone surrogate": (post("/score", rb'{"a":"\ud800"}'), 400),
        "bad UTF-8": (post("/score", b'{"a":"\xff"}'), 400), "no JSON": (post("/score", b"hello"), 400), "empty": (post("/score", b""), 400),
    }
    slowest = ("", 0.0)
    for name, (data, wanted) in cases.items():
        times = []
        for _ in range(rounds):
            with server.connect() as connection:
                begin = time.perf_counter()
                try:
                    connection.send(data)
                    answer = connection.answer()
                except OSError as error:
                    verdict.need(False, f"{name}: {error}")
                    break
                times.append(1000 * (time.perf_counter() - begin))
                if answer.status != wanted:
                    verdict.need(False, f"{name}: {answer.status}, not {wanted}: {answer.body[:200]}")
                    break
                message = json.loads(answer.body)
                verdict.need(("error" in message or "message" in message) and answer.headers["content-type"] == "application/json",
                             f"{name}: {answer.body[:200]}")
                if wanted in (431, 414, 505, 501) or "chunk" in name or "length" in name:
                    try:
                        verdict.need(connection.answer() is None, f"{name}: bytes after the rejected request got a response")
                    except Closed:
                        pass
        slowest = max(slowest, (name, statistics.median(times) if times else 0.0), key=lambda pair: pair[1])
    verdict.note(nonsense=len(cases), slowest=f"{slowest[0]}: {slowest[1]:.2f} ms")
    verdict.need_time(slowest[1] <= 10, f"{slowest[0]} took {slowest[1]:.1f} ms")


def main():
    parser = arguments(__doc__, 10)
    parser.add_argument("--drips", type=int, default=1000, help="slow clients at once (1000)")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    verdict = Verdict("hostile", options.clock)
    with Server(options.program, "--threads", options.threads, "--body-timeout", "10s", model=options.model) as server:
        server.wait_ready()
        for _ in range(20):
            server.get("/metrics")
        nonsense(verdict, server, 5)
        bodies(verdict, server)
        for kind in ("header", "body", "reader"):
            drips(verdict, server, options, kind, 10)
        verdict.need(server.get("/readyz").status == 200, "/readyz at the end")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
