#!/usr/bin/env python3
"""Compares inference with the baselines, in turns on one machine, and writes the tables of docs/performance.md.

    tools/bench/bench.py --update docs/performance.md       all of it, 7 pairs and more (20 to 40 minutes)
    tools/bench/bench.py --only infer --shapes 1x16 1x128   a part: infer, avx2, memory, cold, gemm
    tools/bench/bench.py --short                            3 pairs of each: does it work?

Prints JSON lines as it goes and the tables in Markdown at the end. Needs `make build`, and the baselines in PEERS (default
~/peers; made by ROBERTA_SHARED/baselines/setup.sh, default ../shared); makes the baselines' exports that are missing. A pair
measured while others used the machine is repeated. --realtime runs both sides at real-time priority (root only).
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
import zipfile

import report
from pairs import Worker, compare, others, snapshot, spread, turn, wait_quiet

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = pathlib.Path(os.path.expanduser(os.environ.get("PEERS", "~/peers")))
SHARED = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared"))
PYTHON = PEERS / "venv/bin/python"
MODEL = PEERS / "models/roberta-base-rand"
ONEDNN = PEERS / "onednn"

SHAPES = ["1x16", "1x128", "1x512", "8x128", "8x512", "mixed32"]
CHEAP = {"1x16", "1x128"}
PEERS_OF = {"float32": ["openvino_f32", "ctranslate2_f32", "onnxruntime_f32", "torch_f32"],
            "bfloat16": ["openvino_bf16", "torch_bf16"]}
AVX2_ONLY = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
TEXT = [0, 133, 812, 9, 1470, 16, 50264, 4, 318, 24, 21, 1490, 11, 5, 220, 76, 2]  # mask at token 6
GEMM_NK = [(768, 768), (1536, 768), (3072, 768), (768, 3072), (4096, 1024), (1024, 4096)]
GEMM_M = [16, 128, 512, 1024]


class Run:
    """What one run of this tool was asked for, its processes and its rows."""

    def __init__(self, arguments):
        self.arguments, self.rows = arguments, []
        self.bin = pathlib.Path(arguments.build) / "bin"
        self.log = open(arguments.log, "w")
        self.ceilings = {}

    def emit(self, **row):
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def count(self, cheap):
        return 3 if self.arguments.short else self.arguments.pairs * (3 if cheap else 1)

    def worker(self, name, command, environment=None, facts=1):
        return Worker(name, [str(c) for c in command], environment, facts, self.arguments.realtime, self.log)

    def ours(self, dtype, environment=None):
        return self.worker("roberta", [self.bin / "bench_infer", MODEL, dtype, self.arguments.threads], environment, 2)

    def baseline(self, name, environment=None):
        return self.worker(name, [PYTHON, HERE / "baselines.py", name, self.arguments.threads],
                           {"PEERS": str(PEERS), **(environment or {})})

    def output(self, command):
        return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout

    def measure_ceilings(self):
        """Before and after the rest; the higher median counts, as a busy moment can only lower it."""
        for line in self.output([self.bin / "bench_ceiling", self.arguments.threads]).splitlines():
            row = json.loads(line)
            if "ceiling" not in row:
                self.facts = row
            elif row["gflops"]["median"] > self.ceilings.get(row["ceiling"], 0):
                self.ceilings[row["ceiling"]] = row["gflops"]["median"]


def export_models():
    """The baselines' forms of the model that are not there yet (ctranslate2 converts by itself)."""
    if not (PEERS / "models/onnx/base_mask1_fused.onnx").is_file():
        script = SHARED / "baselines/export_onnx.py"
        subprocess.run([PYTHON, script, "base"], check=True, stdout=sys.stderr, env={**os.environ, "PEERS": str(PEERS)})


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def same_answers(run, ours, baseline, dtype):
    order = " ".join(str(x) for x in ["logits", 6, *TEXT])
    a, b = ours.ask(order), baseline.ask(order)
    value = cosine(a, b)
    run.emit(part="agreement", dtype=dtype, baseline=baseline.name, cosine=round(value, 7),
             largest_difference=max(abs(x - y) for x, y in zip(a, b)))
    if len(a) != len(b) or value < 0.995:
        raise SystemExit(f"bench: {baseline.name} and ours compute different things (cosine {value})")


def infer(run):
    for dtype, names in PEERS_OF.items():
        names = [n for n in names if not run.arguments.baselines or n in run.arguments.baselines]
        if not names:
            continue
        with run.ours(dtype) as ours:
            fastest = quick_pass(run, ours, dtype, names)
            for name in names:
                shapes = [s for s in run.arguments.shapes if run.arguments.all or fastest[s] == name]
                if shapes:
                    compare_shapes(run, ours, name, dtype, shapes, fastest)


def quick_pass(run, ours, dtype, names):
    """The fastest baseline of each shape, by the median of 3 runs; each baseline alone, as models of all would fill memory."""
    best = {s: (math.inf, None) for s in run.arguments.shapes}
    for name in names:
        with run.baseline(name) as baseline:
            run.emit(part="baseline", **baseline.facts)
            same_answers(run, ours, baseline, dtype)
            for shape in run.arguments.shapes:
                baseline.ask(shape)
                ms = statistics.median(turn(baseline, shape, shape in CHEAP) for _ in range(3))
                run.emit(part="quick", dtype=dtype, shape=shape, baseline=name, ms=round(ms, 2))
                best[shape] = min(best[shape], (ms, name))
    return {shape: name for shape, (_, name) in best.items()}


def compare_shapes(run, ours, name, dtype, shapes, fastest):
    with run.baseline(name) as baseline:
        for shape in shapes:
            row = compare(ours, baseline, shape, run.count(shape in CHEAP), run.arguments.patience)
            run.emit(part="infer", dtype=dtype, shape=shape, fastest=fastest[shape] == name, **row)


def avx2(run):
    with run.ours("float32", {"ROBERTA_CPU": "avx2"}) as ours, run.baseline("torch_f32", AVX2_ONLY) as baseline:
        for shape in ("1x128", "8x128"):
            run.emit(part="avx2", dtype="float32", shape=shape,
                     **compare(ours, baseline, shape, run.count(False), run.arguments.patience))


def memory(run):
    for dtype, size in (("float32", 4), ("bfloat16", 2)):
        rows = {}
        for line in run.output([run.bin / "bench_infer", MODEL, dtype, run.arguments.threads, "1x128"]).splitlines():
            rows.update(json.loads(line))
        weights = rows["parameters"] * size / 1e6
        run.emit(part="memory", dtype=dtype, peak_mb=rows["peak_mb"], weights_mb=round(weights, 1),
                 limit_mb=round(1.15 * weights + 64, 1))


def cold(run):
    """From the start of a process to the first byte of its answer, in turns; each runs twice in a row: a virtual machine gives
    free memory back to its host after some seconds, and getting it again costs the first run more than the work itself."""
    question = "The capital of France is <mask>."
    program = [run.bin / "roberta", "fill-mask", "--threads", run.arguments.threads, "--model", MODEL]
    contestants = {"roberta float32": [*program, question], "roberta bfloat16": [*program, "--dtype", "bfloat16", question]}
    for mode in ("torch_pipeline", "ort_direct"):
        contestants[mode] = [PYTHON, SHARED / "baselines/cold.py", mode, "base"]
    times = {name + when: [] for name in contestants for when in (", first", ", again")}
    before = snapshot([])
    own = sum(os.times()[2:4])
    for turn_number in range(1 + (3 if run.arguments.short else 11)):
        for name, command in contestants.items():
            wait_quiet(0 if run.arguments.realtime else 5)
            for when in (", first", ", again"):
                seconds = first_byte(command, run)
                if turn_number:  # the very first one warms the page cache
                    times[name + when].append(seconds)
    after = snapshot([])
    load = others(before, (after[0] - (sum(os.times()[2:4]) - own), after[1]))
    for name, seconds in times.items():
        run.emit(part="cold", what=name, runs=len(seconds), others_cores=round(load, 2), seconds=spread(seconds))


def first_byte(command, run):
    realtime = (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))) if run.arguments.realtime else None
    start = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=run.log, preexec_fn=realtime,
                               env={**os.environ, "PYTHONUNBUFFERED": "1", "PEERS": str(PEERS)})
    answer = process.stdout.read(1)
    seconds = time.perf_counter() - start
    process.stdout.read()
    if process.wait() or not answer:
        raise SystemExit(f"bench: {command[0]} ended with status {process.returncode}; see {run.arguments.log}")
    return seconds


def onednn_driver():
    """Fetches oneDNN 3.2 (wheels of PyPI, unpacked) and compiles our driver against it, once."""
    program = ONEDNN / "onednn_gemm"
    source = HERE / "onednn_gemm.cc"
    if program.is_file() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    data = {p: ONEDNN / f"{p.replace('-', '_')}-2023.2.0.data/data" for p in ("onednn-cpu-gomp", "onednn-devel-cpu-gomp")}
    if not all(folder.is_dir() for folder in data.values()):
        ONEDNN.mkdir(parents=True, exist_ok=True)
        subprocess.run([PYTHON, "-m", "pip", "download", "-q", "--no-deps", "-d", ONEDNN,
                        *(f"{p}==2023.2.0" for p in data)], check=True, stdout=sys.stderr)
        for wheel in ONEDNN.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(ONEDNN)
    lib, include = data["onednn-cpu-gomp"] / "lib", data["onednn-devel-cpu-gomp"] / "include"
    subprocess.run(["g++", "-std=c++20", "-O2", "-fopenmp", f"-I{include}", source, f"-L{lib}", f"-Wl,-rpath,{lib}",
                    "-ldnnl", "-o", program], check=True)
    return program


def gemm(run):
    ours = run.worker("bench_gemm", [run.bin / "bench_gemm", run.arguments.threads, "", "-"], facts=2)
    baseline = run.worker("oneDNN", [onednn_driver(), run.arguments.threads],
                      {"OMP_NUM_THREADS": str(run.arguments.threads)})
    with ours, baseline:
        for dtype in PEERS_OF:
            for m in GEMM_M[1:3] if run.arguments.short else GEMM_M:
                for n, k in GEMM_NK:
                    row = compare(ours, baseline, f"{dtype} {m} {n} {k}", run.count(False), run.arguments.patience)
                    run.emit(part="gemm", dtype=dtype, m=m, n=n, k=k, version=baseline.facts["version"], **row)


PARTS = {"infer": infer, "avx2": avx2, "memory": memory, "cold": cold, "gemm": gemm}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="BxT or mixed32")
    parser.add_argument("--baselines", nargs="+", help="only these (names in tools/bench/baselines.py)")
    parser.add_argument("--all", action="store_true", help="pairs against every baseline, not only the fastest of each shape")
    parser.add_argument("--pairs", type=int, default=7, help="three times as many at 1x16 and 1x128")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60, help="seconds a row may spend on repeating dirty pairs")
    parser.add_argument("--realtime", action="store_true", help="both sides under SCHED_FIFO")
    parser.add_argument("--short", action="store_true", help="3 pairs of each, fewer GEMM shapes")
    parser.add_argument("--update", metavar="FILE", help="put the tables between the marks of this Markdown file")
    parser.add_argument("--log", default="/dev/null", help="what the programs print on standard error")
    return parser.parse_args()


def main():
    run = Run(parse())
    if not PYTHON.is_file() or not MODEL.is_dir():
        print(f"SKIPPED benchmark: no baselines in {PEERS} (set PEERS, or run setup.sh of ROBERTA_SHARED/baselines)")
        return 0
    if "cold" in run.arguments.only and not (SHARED / "baselines/cold.py").is_file():
        raise SystemExit(f"bench: no {SHARED}/baselines/cold.py for the cold starts: set ROBERTA_SHARED")
    if run.arguments.realtime:  # above the workers, or a spinning one would hold up the other's order
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(11))
    wanted = run.arguments.baselines or sum(PEERS_OF.values(), [])
    if "cold" in run.arguments.only or "infer" in run.arguments.only and any(w.startswith(("onnx", "open")) for w in wanted):
        export_models()
    run.measure_ceilings()
    for part in run.arguments.only:
        PARTS[part](run)
    run.measure_ceilings()
    run.emit(part="machine", threads=run.arguments.threads, realtime=run.arguments.realtime, **run.facts,
             ceilings_gflops=run.ceilings)
    text = report.markdown(run.rows)
    print(text)
    if run.arguments.update:
        report.update(pathlib.Path(run.arguments.update), text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
