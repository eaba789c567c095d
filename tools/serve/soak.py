#!/usr/bin/env python3
"""Ten minutes of mixed requests: all routes with valid and invalid inputs. Valid inputs always get the same response, invalid ones
their 4xx; memory and open files stay constant.

    tools/serve/soak.py
    tools/serve/soak.py --seconds 3 --no-clock

A closed loop of 8 clients; every second all connections are closed and counted. Memory: the mean of the last tenth must be
within 1 % of that of the first tenth after the warm-up (a fifth, at most 90 s).
"""
import random
import statistics
import sys
import time

from loader import Loader, masked_text
from server import Server
from verdict import Verdict, arguments
from wire import get, post, request

CLIENTS = 8
# Their responses change over time.
CHANGING = {"/metrics", "/v2/models/{model}/stats", "/info", "/v2/repository/index"}


def good_requests(rng, model):
    """(path, bytes) of requests with status 200 for a fill-mask model."""
    for path in ("/", "/livez", "/readyz", "/startupz", "/health", "/ping", "/info", "/metrics", "/swagger.json", "/openapi.json",
                 "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/{model}", "/v2/models/{model}/ready",
                 "/v2/models/{model}/stats", "/v1/models/{model}", "/ui"):
        yield path, get(path.format(model=model))
    yield "/score", post("/score", {"input_data": ["Paris is the <mask> of France.", "Today is a <mask> day!"]})
    for _ in range(24):
        text, other = masked_text(rng), masked_text(rng)
        yield "/score", post("/score", {"input_data": [text]})
        yield "/score", post("/score", {"inputs": {"input_string": [text, other]}, "parameters": {"top_k": 3}})
        yield "/pipelines/fill-mask", post("/pipelines/fill-mask", {"inputs": text, "parameters": {"top_k": 2}})
        yield "/embed", post("/embed", {"inputs": [text, other], "normalize": True})
        yield "/embed_all", post("/embed_all", {"inputs": text[:40]})
        yield "/similarity", post("/similarity", {"inputs": {"source_sentence": text, "sentences": [other, text]}})
        yield "/tokenize", post("/tokenize", {"inputs": [text]})
        yield "/decode", post("/decode", {"ids": [0, 100, 200, 300, 2]})
        yield "/v1/embeddings", post("/v1/embeddings", {"input": text, "model": model, "encoding_format": "base64"})
        yield "infer", post(f"/v2/models/{model}/infer", {"id": "7", "inputs": [
            {"name": "input-0", "shape": [2], "datatype": "BYTES", "data": [text, other]}]})
        yield "predict", post(f"/v1/models/{model}:predict", {"instances": [text]})


def bad_requests(rng, model):
    """Requests that get a 4xx whatever the model."""
    text = masked_text(rng)
    yield "not JSON", post("/score", b'{"input_data": ["a <mask>"')
    yield "nothing", post("/embed", b"")
    yield "not UTF-8", post("/embed", b'{"inputs": "\xff\xfe"}')
    yield "half a surrogate", post("/embed", b'{"inputs": "\\ud800"}')
    yield "deep", post("/embed", b'{"inputs": ' + b"[" * 10000 + b"]" * 10000 + b"}")
    yield "twice", post("/embed", b'{"inputs": "a", "inputs": "b"}')
    yield "a huge number", post("/pipelines/fill-mask", b'{"inputs": "a <mask>", "parameters": {"top_k": 1e400}}')
    yield "a negative number", post("/pipelines/fill-mask", {"inputs": text, "parameters": {"top_k": -1}})
    yield "no mask", post("/score", {"input_data": ["no mask here"]})
    yield "no input", post("/embed", {"inputs": []})
    yield "a number for a text", post("/embed", {"inputs": 1.5})
    yield "too many", post("/embed", {"inputs": ["a"] * 1000})
    yield "too long", post("/embed", {"inputs": "word " * 5000, "truncate": False})
    yield "another task", post("/pipelines/question-answering", {"inputs": {"question": "a?", "context": "b"}})
    yield "no such id", post("/decode", {"ids": [1 << 30]})
    yield "no such path", get("/nothing")
    yield "no such model", post("/v2/models/nobody/infer", {"inputs": []})
    yield "a bad shape", post(f"/v2/models/{model}/infer", {"inputs": [
        {"name": "a", "shape": [3], "datatype": "BYTES", "data": ["a"]}]})
    yield "another verb", request("DELETE", "/embed")
    yield "another type", post("/embed", b"a=b", content_type="application/x-www-form-urlencoded")
    yield "not gzip", post("/embed", b"hello", content_encoding="gzip")
    yield "a large body", request("POST", "/embed", content_type="application/json", content_length=1 << 40)
    yield "no HTTP", b"hello\r\n\r\n"
    yield "two lengths", b"POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"
    yield "length and chunks", b"POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "large headers", get("/health", x="a" * 20000)
    yield "a long path", get("/" + "a" * 20000)


class Judge:
    """Checks every response."""

    def __init__(self, rows, verdict):
        self.rows, self.verdict, self.first, self.counts = rows, verdict, {}, {"good": 0, "bad": 0}

    def __call__(self, kind, answer):
        name, data, good = self.rows[kind]
        self.counts["good" if good else "bad"] += 1
        if good and answer.status != 200:
            self.complain(f"{name}: {answer.status} {answer.body[:200]!r} to {data[:300]!r}")
        if not good and not 400 <= answer.status < 500:
            self.complain(f"{name}: {answer.status} {answer.body[:200]!r}")
        if good and name not in CHANGING and self.first.setdefault(data, answer.body) != answer.body:
            self.complain(f"{name}: another answer than the first time: {answer.body[:200]!r}, not {self.first[data][:200]!r}")

    def complain(self, what):
        if len(self.verdict.failures) < 20:
            self.verdict.need(False, what)


def idle_files(server, expected, patience=5.0):
    """The number of open files when earlier connections are closed: `expected`, or the number after that time."""
    end = time.monotonic() + patience
    while server.open_files() > expected and time.monotonic() < end:
        time.sleep(0.02)
    return server.open_files()


def main():
    options = arguments(__doc__, 600).parse_args()
    verdict, rng, model = Verdict("soak", options.clock), random.Random(11), "m"
    rows = [(name, data, True) for name, data in good_requests(rng, model)]
    rows += [(name, data, False) for name, data in bad_requests(rng, model)] * 2
    rng.shuffle(rows)
    judge, memory, broken, requests = Judge(rows, verdict), [], 0, 0
    with Server(options.program, "--threads", options.threads, "--model", f"{model}={options.model}", model=None) as server:
        server.wait_ready()
        files = server.open_files()
        begin = time.monotonic()
        while time.monotonic() < begin + options.seconds and len(verdict.failures) < 20:
            with Loader(server.port, [data for _, data, _ in rows], judge) as loader:
                loader.count = rng.randrange(len(rows))
                samples = loader.closed_loop(CLIENTS, min(1.0, options.seconds / 3), grace=30)
            requests += len(samples)
            for sample in (s for s in samples if s.status == 0):
                broken += 1
                judge.complain(f"{rows[sample.kind][0]}: the connection broke without an answer")
            found = idle_files(server, files)
            memory.append((time.monotonic() - begin, server.rss(), found))
        warm = min(90.0, options.seconds / 5)
        settled = [row for row in memory if row[0] > warm] or memory[-2:]
        tenth = max(1, len(settled) // 10)
        first, last = (statistics.mean(r[1] for r in part) for part in (settled[:tenth], settled[-tenth:]))
        drift, open_files = last / first - 1, sorted({r[2] for r in settled})
        verdict.note(requests=requests, good=judge.counts["good"], bad=judge.counts["bad"], broken=broken, threads=server.thread_count(),
                     rss_mb=[round(first / 1e6, 2), round(last / 1e6, 2)], drift=round(drift, 5), open_files=open_files)
        verdict.need(judge.counts["good"] > 0, "nothing was answered")
        verdict.need(len(open_files) == 1, f"open files vary: {open_files}")
        verdict.need_time(drift <= 0.01, f"memory grew by {100 * drift:.2f} %")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
