#!/usr/bin/env python3
"""Half of the clients disconnect while waiting or being computed: the others get responses, abandoned requests are not computed,
and nothing leaks.

    tools/serve/hangup.py                         for one minute
    tools/serve/hangup.py --seconds 2 --no-clock

A round sends 64 requests at once, each over a connection of its own; every other client closes (by FIN or by RST) as soon as
all have sent, or within the next 30 ms. In the rounds of the first kind most leavers are still in the queue: the tokens that
were computed, from /metrics, must show it.
"""
import random
import socket
import struct
import sys
import time

from loader import masked_text
from server import Server
from verdict import Verdict, arguments
from wire import Connection, post

CLIENTS = 64


def hang_up(connection, by_reset):
    if by_reset:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def question(rng):
    return post("/score", {"input_data": [masked_text(rng, 60, 110)]})


def one_round(port, rng, late):
    """Responses to the clients that stayed. The others disconnect within `late` seconds."""
    connections, answers = [], []
    for _ in range(CLIENTS):
        connections.append(Connection(port))
        connections[-1].send(question(rng))
    for connection in rng.sample(connections[1::2], CLIENTS // 2):
        if late:
            time.sleep(rng.random() * 2 * late / CLIENTS)
        hang_up(connection, rng.random() < 0.5)
    for connection in connections[0::2]:
        try:
            answers.append(connection.answer().status)
        except OSError as error:
            answers.append(str(error))
        connection.close()
    return answers


def tokens(server):
    return server.metrics()["roberta_batch_tokens"]


def computed_for_nobody(server, verdict, rng):
    """Rounds in which clients disconnect at once: how many requests' worth of tokens was computed."""
    statuses, before = [], tokens(server)
    for _ in range(CLIENTS):
        with server.connect() as connection:
            statuses.append(connection.ask(question(rng)).status)
    each = (tokens(server) - before) / CLIENTS
    verdict.need(set(statuses) == {200}, f"statuses of lone clients: {set(statuses)}")
    before, answers = tokens(server), []
    for _ in range(3):
        answers += one_round(server.port, rng, 0)
    time.sleep(0.5)
    computed = (tokens(server) - before) / each
    verdict.note(stayed=len(answers), left_at_once=3 * CLIENTS // 2, computed=round(computed, 1))
    verdict.need(computed < len(answers) + 0.5 * 3 * CLIENTS / 2, f"{computed:.0f} requests were computed, {len(answers)} were wanted")
    return answers


def settled(server, files, patience=10.0):
    """The number of open files once it is down to `files`, or after that time."""
    end = time.monotonic() + patience
    while server.open_files() > files and time.monotonic() < end:
        time.sleep(0.05)
    return server.open_files()


def main():
    options = arguments(__doc__, 60).parse_args()
    verdict, rng = Verdict("hangup", options.clock), random.Random(3)
    with Server(options.program, "--threads", options.threads, model=options.model) as server:
        server.wait_ready()
        files = settled(server, 0, 0.5)
        answers = computed_for_nobody(server, verdict, rng)
        rounds, begin, rss = 0, time.monotonic(), server.rss()
        while time.monotonic() < begin + options.seconds or rounds < 2:
            answers += one_round(server.port, rng, 0.03)
            rounds += 1
            if time.monotonic() < begin + 0.3 * options.seconds:
                rss = server.rss()  # warming up
        left, metrics = settled(server, files), server.metrics()
        verdict.note(rounds=rounds, hung_up=(rounds + 3) * CLIENTS // 2, answered=answers.count(200), open_files=[files, left],
                     rss_mb=[round(rss / 1e6, 1), round(server.rss() / 1e6, 1)],
                     cancelled=metrics.get("roberta_requests_cancelled"), queue=metrics.get("te_queue_size"))
        verdict.need(answers.count(200) == len(answers), f"clients that stayed got {set(answers)}")
        verdict.need(metrics.get("roberta_requests_cancelled", 0) > 0, "no disconnect was counted")
        verdict.need(not metrics.get("te_queue_size"), "requests are left in the queue")
        verdict.need(left <= files, f"{left} files are open, {files} were before")
        verdict.need_time(server.rss() <= 1.02 * rss, "memory grew by more than 2 %")
    return verdict.finish()


if __name__ == "__main__":
    sys.exit(main())
