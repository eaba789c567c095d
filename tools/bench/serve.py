#!/usr/bin/env python3
"""Compares `roberta serve` with a server of FastAPI and OpenVINO, in turns on one machine, and writes the tables of
docs/performance.md on serving.

    tools/bench/serve.py --update docs/performance.md      1, 8 and 64 clients, fp32 and bf16, overhead, start (20 minutes)
    tools/bench/serve.py --parts load --dtypes bfloat16 --clients 8 --runs 1 --seconds 3      does it work?

And, if it is installed, with infinity (embeddings by torch): `python3 -m venv $PEERS/infinity && $PEERS/infinity/bin/pip install
"infinity-emb[server,torch]"`.

All serve the same weights of the shape of roberta-base over loopback, and fill masks in, or embed, texts of 8 to 128 tokens; wrk is
the client (one thread, kept connections; each run asks the same texts in the same order). All servers stay loaded, but only the
one in turn runs, the others are stopped (SIGSTOP). The baseline batches up to MAX_TOKENS tokens; of its settings 128 and 4096 a
quick run takes the faster for each number of clients. Before it is timed, both must fill the masks alike. Needs `make build`,
wrk, the interpreter and models of PEERS (default ~/peers), and ROBERTA_SHARED (default ../shared).
"""
import argparse
import math
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time

import report
from pairs import BUSY, others, snapshot, spread, wait_quiet

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools/serve"))
from loader import masked_text, percentile  # noqa: E402
from server import SMALL, Server  # noqa: E402
from wire import Connection, get, post  # noqa: E402

PEERS = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers")))
PYTHON = PEERS / "venv/bin/python"
SHARED = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "baselines"
BASE = PEERS / "models/roberta-base-rand"
MAX_TOKENS = (128, 4096)
INFINITY = PEERS / "infinity/bin/infinity_emb"
HINTS = {"float32": "f32", "bfloat16": "bf16"}
TARGETS = {("float32", 1): 1.0, ("bfloat16", 1): 1.0, ("float32", 8): 1.1, ("float32", 64): 1.1, ("bfloat16", 8): 1.35, ("bfloat16", 64): 1.35}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Baseline(Server):
    """What Server has (port, hold, cpu_seconds ...) over another program's process."""

    def __init__(self, name, health, path, command, environment, log):
        self.name, self.health, self.path, self.lines = name, health, path, []
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env={**os.environ, **environment})
        self.pid = self.process.pid

    def wait_ready(self, seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with status {self.process.returncode} (see --log)")
            try:
                if self.get(self.health).status == 200:
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"{self.name} is not ready after {seconds} s")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class OpenVino(Baseline):
    def __init__(self, dtype, max_tokens, log):
        self.port, self.max_tokens = free_port(), max_tokens
        super().__init__(f"MAX_TOKENS={max_tokens}", "/", "/score", [PYTHON, SHARED / "serve_peer.py", HINTS[dtype], self.port],
                         {"PEERS": str(PEERS), "MAX_TOKENS": str(max_tokens)}, log)


class Infinity(Baseline):
    def __init__(self, dtype, log):
        self.port = free_port()
        super().__init__("infinity", "/health", "/embeddings", [
            INFINITY, "v2", "--model-id", BASE, "--served-model-name", "m", "--engine", "torch", "--device", "cpu", "--dtype", dtype,
            "--no-bettertransformer", "--no-model-warmup", "--host", "127.0.0.1", "--port", self.port, "--log-level", "warning"],
            {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1"}, log)


class Clients:
    """wrk's processes, for their CPU time: they are children that have ended when it is asked for."""

    def cpu_seconds(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def wrk(server, clients, seconds, path):
    """Requests a second and latencies in ms of one run."""
    script = SHARED / "load.lua" if path == "/score" else HERE / "embeddings.lua"
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "120s", "--latency", "-s", script, server.url + path]
    text = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"serve: errors at {clients} clients:\n{text}")
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
    if "99%" not in text:
        raise SystemExit(f"serve: no latencies at {clients} clients:\n{text}")
    found = {q: float(value) * unit[u] for q, value, u in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M)}
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), "p50": found["50"], "p99": found["99"]}


def until_idle(pid, seconds=30):
    """Waits until the process computes no more."""
    def used():
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])  # ticks of 10 ms
    end, before = time.monotonic() + seconds, used()
    while time.monotonic() < end:
        time.sleep(0.3)
        now = used()
        if now - before <= 2:
            return
        before = now


class Run:
    def __init__(self, arguments):
        self.arguments, self.rows = arguments, report.Rows()
        self.log = open(arguments.log, "w")
        self.program = pathlib.Path(arguments.build) / "bin/roberta"

    def ours(self, dtype, model=BASE, threads=None):
        return Server(self.program, "--dtype", dtype, "--threads", threads or self.arguments.threads, *self.arguments.option,
                      "--model", f"m={model}", model=None)

    def turn(self, server, clients, seconds, path):
        """One measured run; all other servers are held."""
        server.go_on()
        time.sleep(0.05)
        try:
            return wrk(server, clients, seconds, path)
        finally:
            until_idle(server.pid)  # requests that wrk left behind must not weigh on the next run
            server.hold()


def asked(server, path, body):
    """The answer's JSON, of a server that is held before and after."""
    server.go_on()
    with server.connect() as connection:
        answer = connection.ask(post(path, body)).json()
    server.hold()
    return answer


def same_words(ours, baseline, dtype, run):
    rng = random.Random(1)
    texts = [masked_text(rng) for _ in range(32)]
    first, second = (asked(server, "/score", {"input_data": texts}) for server in (ours, baseline))
    alike = sum(a == b for a, b in zip(first, second)) / len(texts)
    run.rows.emit(part="answers", dtype=dtype, texts=len(texts), alike=alike)
    if alike < (0.95 if dtype == "float32" else 0.5):  # random weights: in bf16 many words are as good as the best
        raise SystemExit(f"serve: only {100 * alike:.0f} % of the answers are those of the baseline")


def same_vectors(ours, baseline, dtype, run):
    texts = ["a river near the city", "music"]
    first, second = ([row["embedding"] for row in asked(server, "/embeddings", {"model": "m", "input": texts})["data"]] for server in (ours, baseline))

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    worst = min(map(cosine, first, second))
    run.rows.emit(part="vectors", dtype=dtype, texts=len(texts), cosine=round(worst, 7))
    if worst < (0.99999 if dtype == "float32" else 0.99):
        raise SystemExit(f"serve: vectors are those of the baseline to a cosine of {worst} only")


def compare(run, ours, baseline, dtype, clients):
    a, sides = run.arguments, {"ours": [], "theirs": []}
    clean, dirty, load, end = 0, 0, [], time.monotonic() + a.patience
    for server in (ours, baseline):
        run.turn(server, clients, min(3, a.seconds), baseline.path)
    while clean < a.runs:
        before, pair = snapshot([ours, baseline, Clients()]), {}
        for name in ("ours", "theirs") if (clean + dirty) % 2 == 0 else ("theirs", "ours"):
            pair[name] = run.turn(ours if name == "ours" else baseline, clients, a.seconds, baseline.path)
        load.append(others(before, snapshot([ours, baseline, Clients()])))
        quiet = load[-1] <= BUSY
        if quiet or time.monotonic() > end:
            clean += 1
            dirty += not quiet
            for name, row in pair.items():
                sides[name].append(row)
        else:
            wait_quiet(min(10.0, end - time.monotonic()))
    row = {name: {key: spread([r[key] for r in some], 2) for key in ("rps", "p50", "p99")} for name, some in sides.items()}
    run.rows.emit(part="serve", dtype=dtype, clients=clients, path=baseline.path, baseline=baseline.name, seconds=a.seconds, runs=clean, dirty=dirty,
                  others_cores=round(statistics.median(load), 2), **row, target=TARGETS.get((dtype, clients)) if baseline.path == "/score" else None,
                  ratio=round(row["ours"]["rps"]["median"] / row["theirs"]["rps"]["median"], 3),
                  p99_ratio=round(row["theirs"]["p99"]["median"] / row["ours"]["p99"]["median"], 3))


def under_load(run):
    for dtype in run.arguments.dtypes:
        with run.ours(dtype) as ours, OpenVino(dtype, MAX_TOKENS[0], run.log) as few, OpenVino(dtype, MAX_TOKENS[1], run.log) as many:
            for server in (ours, few, many):
                server.wait_ready()
            for server in (ours, few, many):
                server.hold()
            same_words(ours, few, dtype, run)
            for clients in run.arguments.clients:
                quick = {}
                for baseline in (few, many):
                    quick[baseline] = run.turn(baseline, clients, run.arguments.quick, baseline.path)
                    run.rows.emit(part="serve_quick", dtype=dtype, clients=clients, max_tokens=baseline.max_tokens, **quick[baseline])
                compare(run, ours, max(quick, key=lambda p: quick[p]["rps"]), dtype, clients)


def embeddings(run):
    if not INFINITY.is_file():
        print(f"serve: no {INFINITY}: embeddings are left out", file=sys.stderr)
        return
    for dtype in run.arguments.dtypes:
        with run.ours(dtype) as ours, Infinity(dtype, run.log) as baseline:
            for server in (ours, baseline):
                server.wait_ready()
                server.hold()
            same_vectors(ours, baseline, dtype, run)
            for clients in run.arguments.clients:
                compare(run, ours, baseline, dtype, clients)


def overhead(run):
    """What a request of one client takes beyond the forward pass, by the client's own clock and by the server's headers."""
    sample = post("/score", {"input_data": ["Paris is the <mask> of France."]})
    with run.ours("bfloat16", SMALL) as server:
        server.wait_ready()
        with server.connect() as connection:
            for _ in range(200):
                connection.ask(sample)
            outside, inside, total = [], [], []
            for _ in range(run.arguments.overhead_requests):
                begin = time.perf_counter()
                answer = connection.ask(sample)
                took = 1e3 * (time.perf_counter() - begin)
                compute = float(answer.headers["x-inference-time"])
                total.append(took)
                outside.append(took - compute)
                inside.append(float(answer.headers["x-total-time"]) - compute)
    run.rows.emit(part="overhead", requests=len(total), total_p50_ms=round(percentile(total, 50), 3),
                  client_p50_ms=round(percentile(outside, 50), 3), client_p99_ms=round(percentile(outside, 99), 3),
                  server_p50_ms=round(percentile(inside, 50), 3), server_p99_ms=round(percentile(inside, 99), 3), target=0.3)


def start_to_ready(run):
    """Seconds from the start of the process to the first 200 of /readyz."""
    for dtype in ("float32", "bfloat16"):
        times, opened = [], []
        for _ in range(run.arguments.starts):
            port = free_port()
            begin, first = time.perf_counter(), None
            with Server(run.program, "--dtype", dtype, "--threads", run.arguments.threads, model=SMALL, port=port, wait=False) as server:
                while True:
                    try:
                        with Connection(port) as connection:
                            first = first or time.perf_counter()
                            if connection.ask(get("/readyz")).status == 200:
                                break
                    except OSError:
                        if server.process.poll() is not None:
                            raise
                    time.sleep(0.001)
                times.append(time.perf_counter() - begin)
                opened.append(first - begin)
        run.rows.emit(part="start", dtype=dtype, ready=spread(times), opened=spread(opened), runs=len(times), target=0.2)


PARTS = {"overhead": overhead, "start": start_to_ready, "load": under_load, "embeddings": embeddings}


def both(spread_, digits=0):
    return f"**{spread_['median']:.{digits}f}** ({spread_['min']:.{digits}f} .. {spread_['max']:.{digits}f})"


def load_table(title, rows):
    return report.table(title, [
        "dtype", "clients", "ours requests/s", "baseline", "its requests/s", "ratio", "ours p99 ms", "its p99 ms", "p99 ratio", "runs"],
        [[r["dtype"], r["clients"], both(r["ours"]["rps"], 1), r["baseline"], both(r["theirs"]["rps"], 1), report.ratio(r), both(r["ours"]["p99"]),
          both(r["theirs"]["p99"]), f"**{r['p99_ratio']:.2f}**", f"{r['runs']}, {r['dirty']} dirty"] for r in rows])


def tables(rows):
    load = rows.of("serve")
    parts = [load_table("Filling masks, against FastAPI and OpenVINO", [r for r in load if r["path"] == "/score"]),
             load_table("Embeddings, against infinity", [r for r in load if r["path"] != "/score"])]
    out = [[f"{r['requests']} requests, p50 / p99 ms", f"{r['total_p50_ms']:.2f} in all",
            f"**{r['client_p50_ms']:.2f}** / {r['client_p99_ms']:.2f} beyond compute by the client's clock",
            f"{r['server_p50_ms']:.2f} / {r['server_p99_ms']:.2f} by the server's"] for r in rows.of("overhead")]
    parts.append(report.table("Overhead: shipped model, bf16, one client", ["what", "total", "client", "server"], out))
    out = [[r["dtype"], report.times(r["opened"], 3), report.times(r["ready"], 3), r["runs"]] for r in rows.of("start")]
    parts.append(report.table("Start to ready: shipped model", ["dtype", "port open s", "ready s", "runs"], out))
    return report.facts(rows, "serve") + "\n".join(part for part in parts if part)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--dtypes", nargs="+", choices=list(HINTS), default=list(HINTS))
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8, 64])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="of a run")
    parser.add_argument("--quick", type=float, default=6, help="seconds of the runs that choose the baseline's setting")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--overhead-requests", type=int, default=3000)
    parser.add_argument("--option", action="append", default=[], help="a further word for roberta serve (may be given often)")
    parser.add_argument("--patience", type=float, default=120, help="seconds a row may spend on repeating dirty runs")
    parser.add_argument("--update", metavar="FILE", help="put the tables between the marks of this Markdown file")
    parser.add_argument("--log", default="/dev/null", help="what the baseline prints")
    return parser.parse_args()


def main():
    arguments = parse()
    if "load" in arguments.parts and not (PYTHON.is_file() and BASE.is_dir() and SHARED.is_dir() and shutil.which("wrk")):
        print(f"SKIPPED benchmark of serving: it needs wrk, {PYTHON}, {BASE} (set PEERS) and {SHARED} (set ROBERTA_SHARED)")
        return 0
    run = Run(arguments)
    for part in arguments.parts:
        PARTS[part](run)
    run.rows.machine(arguments)
    report.publish(tables(run.rows), arguments, "serve")
    return 0


if __name__ == "__main__":
    sys.exit(main())
