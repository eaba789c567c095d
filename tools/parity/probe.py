"""How the parity scripts ask the library: build/tests/model_probe, JSON in, JSON out, matrices through files."""
import json
import os
import pathlib
import subprocess
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ROBERTA_BUILD", ROOT / "build"))


def shared_data(name):
    """Path below ROBERTA_SHARED (default ../shared), or None with a word on the screen."""
    path = pathlib.Path(os.environ.get("ROBERTA_SHARED", ROOT.parent / "shared")) / "data" / name
    if path.exists():
        return path
    print(f"skipped: {path} is not there (set ROBERTA_SHARED)")
    return None


def ask(program, model, asks, kernels=None, **options):
    """Results of the probe; "hidden", "first" and "logits" give arrays."""
    with tempfile.TemporaryDirectory() as scratch:
        for i, one in enumerate(asks):
            if one["op"] in ("hidden", "first", "logits"):
                one["out"] = os.path.join(scratch, str(i))
        environment = dict(os.environ, **({"ROBERTA_CPU": kernels} if kernels else {}))
        request = json.dumps({"model": str(model), "asks": asks, **options})
        done = subprocess.run([program], input=request, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        answers = json.loads(done.stdout)
        for i, one in enumerate(asks):
            if "out" in one:
                shape = answers[i]["rows"], answers[i]["cols"]
                answers[i] = numpy.fromfile(one["out"], numpy.float32).reshape(shape)
        return answers
