#!/usr/bin/env python3
"""Writes tests/tasks/metrics/metric_goldens.json: cases of tools/parity/metric_reference.py with their answers.

Usage: make_metric_goldens.py > tests/tasks/metrics/metric_goldens.json (in the environment of tools/requirements.txt)
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "parity"))
import metric_reference  # noqa: E402


def main():
    rows = []
    for case in metric_reference.cases(seed=1, rounds=3):
        if len(case.get("truth", ())) <= 100:
            rows.append(json.dumps({"case": case, "want": metric_reference.plain(metric_reference.reference(case))}, ensure_ascii=False, separators=(",", ":")))
    print("[" + ",\n".join(rows) + "]")


if __name__ == "__main__":
    main()
