"""The image's entry point, without an image: which model it finds, what it becomes, and its health check, on the program
that was built here. With it, that the routes of Azure ML's deployment answer."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from common import DEPLOY, MODEL, PROGRAM, need, skip

ENTRYPOINT = DEPLOY / "docker/entrypoint.sh"
if not shutil.which("bash"):
    skip("no bash")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(folder, words, environment):
    """Its exit code and what a program that prints its arguments and model would print."""
    stub = pathlib.Path(folder) / "bin/roberta"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text('#!/bin/sh\necho "$@ model=$ROBERTA_MODEL"\n')
    stub.chmod(0o755)
    done = subprocess.run([ENTRYPOINT, *words], capture_output=True, text=True,
                          env={"PATH": f"{stub.parent}:{os.environ['PATH']}", **environment})
    return done.returncode, done.stdout.strip(), done.stderr


def model_at(path):
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    return path


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    azure = root / "azureml-models/roberta/1"
    inside = model_at(azure / "roberta-small-english")
    model_at(inside / "1_Pooling")
    direct = model_at(root / "direct")
    for words, environment, expected in [
            ([], {"AZUREML_MODEL_DIR": str(azure)}, f"serve model={inside}"),
            ([], {"AZUREML_MODEL_DIR": str(direct)}, f"serve model={direct}"),
            (["--port", "80"], {"AZUREML_MODEL_DIR": str(azure)}, f"serve --port 80 model={inside}"),
            (["serve"], {"AZUREML_MODEL_DIR": str(azure), "ROBERTA_MODEL": "/mine"}, "serve model=/mine"),
            (["serve", "--model", "a=/mine"], {"AZUREML_MODEL_DIR": str(azure)}, "serve --model a=/mine model="),
            (["roberta", "serve", "-m", "/mine"], {"AZUREML_MODEL_DIR": str(azure)}, "serve -m /mine model="),
            (["fill-mask", "x y"], {}, "fill-mask x y model="),
            (["bash", "-c", "echo $0 $1", "a b", "c"], {}, "a b c")]:
        code, out, err = run(folder, words, environment)
        need(code == 0 and out == expected, f"{words} {environment}: {code} {out!r} {err!r} instead of {expected!r}")
    (root / "empty").mkdir()
    code, out, err = run(folder, [], {"AZUREML_MODEL_DIR": str(root / "empty")})
    if not (os.path.isdir("/models") or os.path.isdir("/mnt/models")):
        need(code == 2 and "no model" in err, f"without a model: {code} {err!r}")
    code, _, _ = run(folder, ["healthcheck"], {"ROBERTA_PORT": str(free_port())})
    need(code == 1, f"the health check of no server gives {code}")

# From here on the real program.
if subprocess.run([PROGRAM, "help", "serve"], capture_output=True).returncode != 0:
    skip("the program has no command serve")
port = free_port()
environment = {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "AZUREML_MODEL_DIR": str(MODEL.parent),
               "ROBERTA_HOST": "127.0.0.1", "ROBERTA_PORT": str(port)}


def get(path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.read()


server = subprocess.Popen([ENTRYPOINT], env=environment, stderr=subprocess.PIPE, text=True)
try:
    end = time.monotonic() + 30
    while subprocess.run([ENTRYPOINT, "healthcheck"], env=environment, stderr=subprocess.DEVNULL).returncode != 0:
        need(server.poll() is None and time.monotonic() < end, "the server does not become ready")
        time.sleep(0.02)
    text = (DEPLOY / "azureml/deployment.yml").read_text()
    for path in re.findall(r"^ +path: (/\S*)$", text, re.M):
        if path == "/score":
            status, answer = get(path, (DEPLOY / "azureml/sample-request.json").read_bytes())
            words = json.loads(answer)
            need(len(words) == 2 and all(isinstance(word, str) for word in words), f"/score: {answer!r}")
        else:
            status, _ = get(path)
        need(status == 200, f"{path}: {status}")
    for manifest in ("kserve/serving-runtime.yaml", "kubernetes/roberta.yaml"):
        for path in re.findall(r"^ +path: (/\S*z)$", (DEPLOY / manifest).read_text(), re.M):
            need(get(path)[0] == 200, f"{path} of {manifest}")
finally:
    server.send_signal(signal.SIGTERM)
    err = server.communicate(timeout=60)[1]
need(server.returncode == 0, f"after SIGTERM it exits with {server.returncode}: {err}")
print("entrypoint: models are found, the routes of the manifests answer, SIGTERM ends it with 0")
