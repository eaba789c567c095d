"""Two programs taking turns on a shared machine: workers that obey orders, and windows thrown away when others were busy."""
import json
import os
import statistics
import subprocess
import time

REALTIME = 10  # priority under SCHED_FIFO
BUSY = 0.12    # cores that others may use in a window
TICK = os.sysconf("SC_CLK_TCK")


class Worker:
    """A process that answers each line of its stdin by one line. `facts` is what it printed about itself first."""

    def __init__(self, name, command, environment=None, facts=1, realtime=False, log=None):
        self.name, self.realtime = name, realtime
        started = (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME))) if realtime else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                        env={**os.environ, **(environment or {})}, preexec_fn=started)
        self.facts = {}
        for _ in range(facts):
            self.facts.update(json.loads(self.line()))

    def line(self):
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended with status {self.process.wait()}")
        return answer

    def ask(self, order):
        """The numbers of the answer."""
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return [float(x) for x in self.line().split()]

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def busy_seconds():
    """CPU seconds of all processes, and those that the host took away."""
    v = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / TICK


def snapshot(workers):
    own = os.times()
    return busy_seconds() - own.user - own.system - sum(w.cpu_seconds() for w in workers), time.perf_counter()


def others(before, after):
    """Cores that processes other than ours used between two snapshots."""
    return max(0.0, (after[0] - before[0]) / (after[1] - before[1]))


def wait_quiet(limit):
    """Returns once others leave the machine alone for 0.3 s, at most `limit` seconds later."""
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        before = snapshot([])
        time.sleep(0.3)
        if others(before, snapshot([])) < BUSY / 2:
            return


def turn(worker, order, cheap):
    """One measured run. The pause lets the other's spinning threads fall asleep; a cheap run comes after an unmeasured
    one, as its threads were asleep and the caches hold the other's weights."""
    time.sleep(0.03)
    if cheap:
        worker.ask(order)
    return worker.ask(order)[0]


def pairs(ours, baseline, order, count, patience):
    """`count` clean pairs [(ours, baseline)], the dirty ones, and the order's GFLOP. Who is first alternates. A window of
    pairs lasts at least 0.4 s, as the kernel counts CPU time in hundredths of a second; a dirty one is repeated while
    `patience` seconds last, and counts only if too few clean ones came."""
    workers = (ours, baseline)
    warm = [[w.ask(order) for _ in range(2)] for w in workers]
    pair_seconds = sum(w[1][0] for w in warm) / 1e3
    cheap = pair_seconds < 0.12
    window = max(1, min(count, round(0.4 / (pair_seconds * (2 if cheap else 1) + 0.06))))
    clean, dirty, load = [], [], []
    end = time.perf_counter() + patience
    first = 0
    while len(clean) < count:
        before, batch = snapshot(workers), []
        for _ in range(window):
            times = [0.0, 0.0]
            for i in (first, 1 - first):
                times[i] = turn(workers[i], order, cheap)
            batch.append(tuple(times))
            first = 1 - first
        load.append(others(before, snapshot(workers)))
        if load[-1] <= BUSY or ours.realtime:
            clean += batch
        else:
            dirty += batch
            if time.perf_counter() > end and len(clean) + len(dirty) >= count:
                break
            wait_quiet(min(5.0, max(0.0, end - time.perf_counter())))
    gflop = warm[0][1][1] if len(warm[0][1]) > 1 else None
    return clean, dirty, statistics.median(load), gflop


def spread(values, digits=3):
    return {"min": round(min(values), digits), "median": round(statistics.median(values), digits),
            "max": round(max(values), digits)}


def compare(ours, baseline, order, count, patience):
    """A row: medians of both, and baseline / ours = how many times as fast we are."""
    clean, dirty, load, gflop = pairs(ours, baseline, order, count, patience)
    used = clean if len(clean) >= count else clean + dirty
    mine, theirs = zip(*used)
    return {"baseline": baseline.name, "pairs": len(used), "dirty": len(dirty), "clean": len(clean) >= count,
            "others_cores": round(load, 2), "ours": spread(mine), "theirs": spread(theirs), "gflop": gflop,
            "ratio": round(statistics.median(theirs) / statistics.median(mine), 3)}
