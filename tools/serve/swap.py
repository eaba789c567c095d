#!/usr/bin/env python3
"""Models that are missing, damaged or changed under load.

A server whose model can't be loaded ends with exit code 4 and is never ready. While clients send requests, the model is reloaded by
SIGHUP and by /v2/repository, from valid and invalid files: invalid ones change nothing, and no request is lost.

    tools/serve/swap.py
    tools/serve/swap.py --seconds 3 --no-clock
"""
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

from server import Server
from verdict import Verdict, arguments
from wire import Closed, post

TEXT = {"inputs": "The river was built near the <mask> station."}


def spoil(directory, how):
    weights = directory / "model.safetensors"
    data = weights.read_bytes()
    if how == "missing":
        weights.unlink()
    elif how == "half":
        weights.write_bytes(data[:len(data) // 2])
    else:
        weights.write_bytes(data.replace(b'"F32"', b'"I32"').replace(b'"BF16"', b'"I16" '))


def check_start(options, verdict, scratch):
    for how in ("missing", "half", "wrong dtype"):
        directory = scratch / how.replace(" ", "-")
        shutil.copytree(options.model, directory)
        spoil(directory, how)
        server = Server(options.program, "--threads", options.threads, model=directory, wait=False)
        ready, end = False, time.monotonic() + 60
        while server.process.poll() is None and time.monotonic() < end and not ready:
            try:
                ready = server.port and server.get("/readyz").status == 200
            except (OSError, Closed):
                pass
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        server._reader.join(10)
        verdict.need(server.process.returncode == 4, f"{how}: exit code {server.process.returncode}\n{server.log()}")
        verdict.need(not ready, f"{how}: was ready")
        verdict.need("error: [" in server.log(), f"{how}: does not say why: {server.log()!r}")


class Clients:
    """Threads that send requests all the time and count responses that differ from the first."""

    def __init__(self, server, count):
        self.stop, self.answers, self.wrong = False, 0, []
        with server.connect() as connection:
            self.expected = connection.ask(post("/pipelines/fill-mask", TEXT)).json()
        self.threads = [threading.Thread(target=self._ask, args=(server,)) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _ask(self, server):
        try:
            with server.connect() as connection:
                while not self.stop:
                    answer = connection.ask(post("/pipelines/fill-mask", TEXT))
                    self.answers += 1
                    if answer.status != 200 or answer.json() != self.expected:
                        self.wrong.append((answer.status, answer.body[:200]))
        except (OSError, Closed) as error:
            self.wrong.append(repr(error))

    def finish(self):
        self.stop = True
        for thread in self.threads:
            thread.join()


def reload_by_signal(server, counter):
    """SIGHUP, then waits until `counter` has changed."""
    before = server.metrics()[counter]
    server.signal(signal.SIGHUP)
    end = time.monotonic() + 60
    while server.metrics()[counter] == before and time.monotonic() < end:
        time.sleep(0.01)


def check_swaps(options, verdict, scratch):
    good, served = scratch / "good", scratch / "served"
    shutil.copytree(options.model, good)
    shutil.copytree(options.model, served)
    swaps, end = 0, time.monotonic() + options.seconds
    with Server(options.program, "--threads", options.threads, "--model-control", "--model", f"m={served}", model=None) as server:
        server.wait_ready()
        clients, memory = Clients(server, 8), []
        while swaps < 3 or time.monotonic() < end:
            reload_by_signal(server, "roberta_model_loads")
            with server.connect() as connection:
                loaded = connection.ask(post("/v2/repository/models/m/load", {}))
            verdict.need(loaded.status == 200, f"load: {loaded.status} {loaded.body[:200]}")
            spoil(served, "half")
            reload_by_signal(server, "roberta_model_load_failures")
            with server.connect() as connection:
                refused = connection.ask(post("/v2/repository/models/m/load", {}))
            verdict.need(refused.status == 400, f"load of half a model: {refused.status} {refused.body[:200]}")
            verdict.need(server.get("/readyz").status == 200, "not ready after a bad load")
            shutil.copy(good / "model.safetensors", scratch / "new")
            (scratch / "new").rename(served / "model.safetensors")
            swaps += 1
            memory.append(server.rss())
        clients.finish()
        metrics = server.metrics()
    verdict.note(rounds=swaps, loads=int(metrics["roberta_model_loads"]), bad_loads=int(metrics["roberta_model_load_failures"]),
                 answers=clients.answers, wrong=len(clients.wrong), rss_first_mb=memory[0] >> 20, rss_last_mb=memory[-1] >> 20)
    verdict.need(not clients.wrong, f"{len(clients.wrong)} of {clients.answers} answers: {clients.wrong[:3]}")
    verdict.need(memory[-1] < memory[min(2, len(memory) - 1)] * 1.5, "memory grows with every load")


def main():
    options = arguments(__doc__, 20).parse_args()
    verdict = Verdict("swap", options.clock)
    with tempfile.TemporaryDirectory() as scratch:
        check_start(options, verdict, pathlib.Path(scratch))
        check_swaps(options, verdict, pathlib.Path(scratch))
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
