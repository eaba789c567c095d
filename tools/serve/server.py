"""`roberta serve` as a child process: a free port, readiness, figures of the process, an orderly end. For the scripts in
this folder, the benchmarks and the tests of clients.

    with Server("build/bin/roberta", "--threads", 1) as server:
        server.wait_ready()
        ...                       # server.url, server.port, server.get("/metrics")
"""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from wire import Connection, get

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SMALL = ROOT / "models/roberta-small-english"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Server:
    """Leaving the `with` stops it by SIGTERM. Anything but exit code 0 in time is an error, and so is a sanitizer's report."""

    def __init__(self, program, *options, model=SMALL, environment=None, port=0, wait=True, stop_seconds=60):
        models = [] if model is None else ["--model", model]
        command = [program, "serve", *models, "--port", port, *options]
        self.lines, self.stop_seconds = [], stop_seconds
        self._listening = threading.Event()
        self.port = port
        self.started = time.perf_counter()
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait and (not self._listening.wait(60) or not self.port):
            self.process.kill()
            raise RuntimeError(f"roberta serve does not listen (status {self.process.wait()}):\n{self.log()}")

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            found = None if self._listening.is_set() else re.search(r"listening on \S*?:(\d+)\b", line)
            if found:
                self.port = int(found[1])
                self._listening.set()
        self._listening.set()  # it ended

    def log(self):
        return "".join(self.lines[-200:])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self):
        return Connection(self.port)

    def get(self, path):
        """An Answer, over a connection of its own."""
        with self.connect() as connection:
            return connection.ask(get(path))

    def wait_ready(self, seconds=120):
        """Seconds from the start of the process until /readyz responds 200."""
        while time.perf_counter() < self.started + seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"roberta serve ended with status {self.process.returncode}:\n{self.log()}")
            if self.get("/readyz").status == 200:
                return time.perf_counter() - self.started
            time.sleep(0.002)
        raise RuntimeError(f"roberta serve is not ready after {seconds} s:\n{self.log()}")

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        lines = self.get("/metrics").body.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def rss(self):
        """Bytes."""
        return int(open(f"/proc/{self.pid}/statm").read().split()[1]) * PAGE

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def thread_count(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def cpu_seconds(self):
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def hold(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self):
        """The exit code after SIGTERM."""
        if self.process.poll() is None:
            self.go_on()
            self.process.terminate()
        try:
            code = self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"roberta serve did not end within {self.stop_seconds} s of SIGTERM:\n{self.log()}") from None
        self._reader.join(10)
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:  # the first error is the one to see
            self.process.kill()
            self.process.wait()
            return
        code = self.stop()
        if code != 0 or "Sanitizer" in "".join(self.lines):
            raise RuntimeError(f"roberta serve ended with status {code}:\n" + "".join(self.lines[-500:]))
