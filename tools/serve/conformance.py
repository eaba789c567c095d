#!/usr/bin/env python3
"""Conformance with /openapi.json: schemathesis sends valid and invalid requests to every route and checks each response against
the description. Needs the clients' environment (scripts/bootstrap.sh clients); exit code 77 without it.

    tools/serve/conformance.py                       1,000 examples for each operation
    tools/serve/conformance.py --quick               a few, for every change
    tools/serve/conformance.py --only /embed         one path
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from server import ROOT, SMALL, Server
from tiny_models import make_models

# The other checks depend on the model: which texts have a mask, which are too long, which ids exist.
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "unsupported_method", "allow_header_conformance"]


def schemathesis():
    """The program's path: beside the interpreter ROBERTA_CLIENTS, in the clients' environment, or beside this interpreter; or None."""
    places = [pathlib.Path(os.environ.get("ROBERTA_CLIENTS", sys.executable)).parent, ROOT / ".venv-clients/bin", pathlib.Path(sys.executable).parent]
    return next((str(place / "schemathesis") for place in places if os.access(place / "schemathesis", os.X_OK)), None)


def answers(server):
    """Responses counted by the server, by protocol and class of status."""
    return {name.removeprefix("roberta_http_requests"): int(value) for name, value in server.metrics().items() if name.startswith("roberta_http_requests")}


def more_models(program, folder):
    """Options to serve a model of every other task too."""
    return [word for directory in make_models(program, folder).values() for word in ("--model", directory)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("ROBERTA_BIN", str(ROOT / "build/bin/roberta")))
    parser.add_argument("--model", default=str(SMALL))
    parser.add_argument("--examples", type=int, default=1000, help="for each operation (1000)")
    parser.add_argument("--quick", action="store_true", help="three examples, and not each value of each field in turn")
    parser.add_argument("--only", help="one path")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tool = schemathesis()
    if not tool:
        print("conformance: schemathesis is not installed (scripts/bootstrap.sh clients): skipped")
        return 77
    with tempfile.TemporaryDirectory() as work, Server(options.program, *more_models(options.program, work), model=options.model) as server:
        server.wait_ready()
        before = answers(server)
        report = pathlib.Path(work, "report.json")
        # One worker, so that the seed determines the requests and their order.
        command = [tool, "run", f"{server.url}/openapi.json", "--url", server.url, "--checks", ",".join(CHECKS), "--phases", "examples,fuzzing" if options.quick else "examples,coverage,fuzzing",
                   "--max-examples", str(3 if options.quick else options.examples), "--seed", str(options.seed), "--continue-on-failure", "--generation-database", "none",
                   "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "60", "--no-color", "--report", "json",
                   "--report-json-path", str(report)]
        if options.only:
            command += ["--include-path", options.only]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        statuses = {name: count - before.get(name, 0) for name, count in answers(server).items()}
    failed = sum(count for name, count in statuses.items() if 'status="5xx"' in name)
    tail = done.stdout[-12000:]
    counted = re.search(r"(\d[\d,]*) (?:generated|test cases)", done.stdout)
    print(json.dumps({"test": "conformance", "passed": done.returncode == 0, "examples": 3 if options.quick else options.examples, "seed": options.seed,
                      "cases": counted[1] if counted else None, "answers": statuses, "answers_5xx": failed}))
    if done.returncode != 0:
        print(tail + done.stderr[-4000:], file=sys.stderr)
    return 0 if done.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
