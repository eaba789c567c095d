"""Memory as `roberta plan` predicts it against the peak of the program itself: fill-mask, and a server under many connections.
Within 15 % or 32 MB."""
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from common import MODEL, PROGRAM, need, skip

WORDS = "Paris is the <mask> of France " + "and the people there like it very much " * 2


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024


def planned(model, *options):
    done = subprocess.run([PROGRAM, "plan", "--model", model, "--threads", "1", "--no-measure", "--format", "json", *options],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(what, plan, bytes_):
    expected = plan["memory_bytes"]
    print(f"{what}: planned {expected / 1e6:.1f} MB, peak {bytes_ / 1e6:.1f} MB ({100 * (expected / bytes_ - 1):+.1f} %)")
    need(abs(expected - bytes_) <= max(0.15 * bytes_, 32e6), f"{what}: {plan['memory']}")


def fill_mask(model, dtype):
    program = subprocess.Popen([PROGRAM, "fill-mask", "--model", model, "--threads", "1", "--dtype", dtype, "--line-buffered"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    program.stdin.write(WORDS + "\n")
    program.stdin.flush()
    program.stdout.readline()
    time.sleep(0.1)
    bytes_ = peak(program.pid)
    program.communicate()
    compare(f"fill-mask, {dtype}", planned(model, "--mode", "evaluate", "--batch", "1", "--seq", "24", "--dtype", dtype), bytes_)


def serve(model, dtype, connections=8):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([PROGRAM, "serve", "--model", model, "--threads", "1", "--dtype", dtype, "--port", str(port),
                               "--max-queue-time", "60s"],
                              stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def ask(path, body=None):
        request = urllib.request.Request(url + path, data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    try:
        end = time.monotonic() + 30
        while True:
            try:
                ask("/readyz")
                break
            except OSError:
                need(server.poll() is None and time.monotonic() < end, "the server does not become ready")
                time.sleep(0.02)
        body = json.dumps({"input_data": [WORDS] * 2}).encode()
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda _: ask("/score", body), range(2 * connections)))
        bytes_ = peak(server.pid)
    finally:
        server.terminate()
        server.wait(60)
    plan = planned(model, "--batch", "2", "--seq", "24", "--connections", str(connections), "--dtype", dtype)
    compare(f"serve, {dtype}", plan, bytes_)


if not os.path.exists("/proc/self/status"):
    skip("no /proc")
has_server = subprocess.run([PROGRAM, "help", "serve"], capture_output=True).returncode == 0
with tempfile.TemporaryDirectory() as folder:
    large = f"{folder}/wide"  # 200 MB: where 15 % are the narrower bound
    subprocess.run([PROGRAM, "init", "-q", "--tokenizer", MODEL, "--hidden-size", "768",
                    "--num-hidden-layers", "7", "--output", large], check=True)
    for model in (str(MODEL), large):
        for dtype in ("float32", "bfloat16"):
            fill_mask(model, dtype)
            if has_server:
                serve(model, dtype)
if not has_server:
    print("plan: this program has no server to compare with", file=sys.stderr)
