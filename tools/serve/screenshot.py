#!/usr/bin/env python3
"""The screenshots in docs/images: ui.png, filling a mask, and ui-server.png, the charts under load.

    tools/serve/screenshot.py [--program build/bin/roberta] [--out docs/images] [--seconds 60]
"""
import argparse
import os
import pathlib
import random
import sys
import threading
import time

from browser import Browser
from loader import masked_text
from server import ROOT, Server
from wire import post

LARGEST = 200_000  # bytes of a picture


def load(server, stop, seed):
    """Clients that come and go: a load with a shape."""
    rng = random.Random(seed)
    with server.connect() as connection:
        while not stop.is_set():
            until = time.monotonic() + rng.uniform(3, 12)
            while time.monotonic() < until and not stop.is_set():
                connection.ask(post("/pipelines/fill-mask", {"inputs": masked_text(rng)}))
                time.sleep(rng.expovariate(40))
            stop.wait(rng.uniform(0, 6))


def fill(server, path, dark=False):
    with Browser(1000, 800, scale=1.25, dark=dark) as browser:
        browser.open(f"{server.url}/ui#fill-mask?text=Paris+is+the+%3Cmask%3E+of+France.&run=1")
        browser.wait("document.querySelectorAll('.bars li').length == 5")
        browser.evaluate("document.querySelector('form.card').requestSubmit()")  # a warm response
        time.sleep(1)  # the bars are animated
        browser.picture(path, height=browser.evaluate("document.querySelector('main').lastElementChild.getBoundingClientRect().bottom + 24"))


def charts(server, path, seconds):
    stop = threading.Event()
    threads = [threading.Thread(target=load, args=(server, stop, seed)) for seed in range(6)]
    with Browser(1000, 700, scale=1.25) as browser:
        browser.open(f"{server.url}/ui#server")
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        browser.picture(path, height=browser.evaluate("document.querySelector('.charts').getBoundingClientRect().bottom + 8"))
        stop.set()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("ROBERTA_BIN", str(ROOT / "build/bin/roberta")))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/images")
    parser.add_argument("--seconds", type=float, default=120, help="of load before the charts are taken (120)")
    options = parser.parse_args()
    with Server(options.program) as server:
        server.wait_ready()
        fill(server, options.out / "ui.png")
        charts(server, options.out / "ui-server.png", options.seconds)
    for name in ("ui.png", "ui-server.png"):
        size = (options.out / name).stat().st_size
        print(f"{name}: {size} bytes")
        if size > LARGEST:
            sys.exit(f"{name} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    main()
