"""Endpoint, deployment, model and job of Azure ML, read offline by azure-ai-ml, which refuses what its schemas don't know; and
whether they fit the program: the job file runs, the machine is on the card's list."""
import json
import logging
import re
import subprocess
import tempfile
import warnings

from common import DEPLOY, MODEL, PROGRAM, ROOT, library, need

warnings.simplefilter("ignore")
ml = library("azure.ai.ml")
logging.disable(logging.CRITICAL)
folder = DEPLOY / "azureml"

endpoint = ml.load_online_endpoint(folder / "endpoint.yml")
deployment = ml.load_online_deployment(folder / "deployment.yml")
model = ml.load_model(folder / "model.yml")
job = ml.load_job(folder / "evaluate.yml")

need(endpoint.auth_mode == "key" and deployment.endpoint_name == endpoint.name, "the deployment is for another endpoint")
need(deployment.model.split("@")[0].split(":")[-1] == model.name, f"the deployment's model is {deployment.model}")
need(str(model.path) == str(MODEL), f"the model's files are {model.path}")
routes = deployment.environment.inference_config
paths = {name: (route["port"], route["path"]) for name, route in routes.items()}
need(paths == {"livenessRoute": (5001, "/livez"), "readinessRoute": (5001, "/readyz"), "scoringRoute": (5001, "/score")},
     f"routes: {paths}")
for probe in (deployment.liveness_probe, deployment.readiness_probe):
    need(probe.initial_delay <= 10 and probe.timeout <= probe.period, f"probe: {probe.__dict__}")
need(job.environment.image == deployment.environment.image, "job and deployment have other images")


def refused(load, file, old, new):
    """Whether the file with something unknown in it is refused."""
    text = (folder / file).read_text()
    need(old in text, f"{file} has no {old!r}")
    with tempfile.NamedTemporaryFile("w", suffix=".yml", dir=folder) as out:
        out.write(text.replace(old, new))
        out.flush()
        try:
            load(out.name)
        except Exception:  # of one of many classes
            return True
    return False


need(refused(ml.load_online_endpoint, "endpoint.yml", "auth_mode: key", "auth_mod: key"), "an unknown key is not refused")
need(refused(ml.load_online_deployment, "deployment.yml", "initial_delay", "initial_pause"), "an unknown probe is not refused")
need(refused(ml.load_job, "evaluate.yml", "type: command", "type: commands"), "an unknown job is not refused")

# The machine: what `roberta plan` says of the card's list.
plan = json.loads(subprocess.run([PROGRAM, "plan", "--model", MODEL, "--no-measure", "--format", "json"],
                                 check=True, capture_output=True, text=True).stdout)
fitting = [sku["name"] for sku in plan["skus"] if sku["fits"] and sku["gpus"] == 0]
need(deployment.instance_type in fitting, f"{deployment.instance_type} is none of {fitting}")

# The job's command with its inputs filled in, as it would run in the container. (Nothing is computed: --dry-run.)
with tempfile.TemporaryDirectory() as out:
    data = f"{out}/rows.jsonl"
    with open(data, "w", encoding="utf-8") as rows:
        rows.write('{"input_string": "Paris is the <mask> of France.", "title": "capital"}\n')
    values = {"inputs.mlflow_model": str(MODEL), "inputs.test_data": data, "outputs.evaluation_result": f"{out}/result"}
    command = re.sub(r"\$\{\{([\w.]+)\}\}", lambda name: values[name[1]], job.command)
    words = command.split()
    need(words[0] == "roberta", f"the job runs {words[0]}")
    for more in (["--dry-run"], []):
        done = subprocess.run([PROGRAM, *words[1:], *more], cwd=folder / "evaluate-job", capture_output=True, text=True)
        need(done.returncode == 0, f"{command}: {done.stderr}")
    with open(f"{out}/result/metrics.json", encoding="utf-8") as file:
        need("accuracy_at_1" in json.load(file)["metrics"], "the job gives no accuracy_at_1")

sample = json.loads((folder / "sample-request.json").read_text())
need(list(sample) == ["input_data"] and len(sample["input_data"]) == 2, "the sample is not the card's")
print(f"azureml: endpoint, deployment on {deployment.instance_type}, model and job are read; the job runs")
