"""The manifests for Kubernetes and KServe against the classes of their Python clients, which are made from the API's own
description: each field must be known, of the right type, and none that is required may be missing."""
import datetime
import re

from common import DEPLOY, library, need

yaml = library("yaml")
client = library("kubernetes.client")
kserve = library("kserve")

KINDS = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): "V1alpha1ServingRuntime",
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("v1", "Service"): "V1Service",
}
PLAIN = {"str": str, "int": int, "float": (int, float), "bool": bool, "datetime": (str, datetime.datetime)}
# Of either type, as Kubernetes spells them.
EITHER = {"IntOrString": (int, str), "ResourceQuantity": (int, str), "object": object}


class Refused(Exception):
    pass


def read(value, kind, where):
    """The value as an object of that class; Refused names the place."""
    nested = re.fullmatch(r"[lL]ist\[(.*)\]", kind)
    if nested:
        if not isinstance(value, list):
            raise Refused(f"{where}: not a list")
        return [read(item, nested[1], f"{where}[{i}]") for i, item in enumerate(value)]
    nested = re.fullmatch(r"[dD]ict[\[(]str, (.*)[\])]", kind)
    if nested:
        if not isinstance(value, dict):
            raise Refused(f"{where}: not a mapping")
        return {key: read(item, nested[1], f"{where}.{key}") for key, item in value.items()}
    if kind in PLAIN or kind in EITHER:
        want = PLAIN.get(kind) or EITHER[kind]
        if not isinstance(value, want) or (kind == "int" and isinstance(value, bool)):
            raise Refused(f"{where}: {value!r} is not of type {kind}")
        return value
    made = getattr(kserve, kind, None) or getattr(client, kind, None)
    if made is None:
        raise Refused(f"{where}: no class {kind}")
    if not isinstance(value, dict):
        raise Refused(f"{where}: not a mapping")
    names = {spelling: name for name, spelling in made.attribute_map.items()}
    fields = {}
    for key, item in value.items():
        if key not in names:
            raise Refused(f"{where}: unknown field {key!r} of {kind}")
        fields[names[key]] = read(item, made.openapi_types[names[key]], f"{where}.{key}")
    try:
        return made(**fields)  # refuses what is required and missing
    except ValueError as error:
        raise Refused(f"{where}: {error}") from error


def read_all(text, where):
    objects = []
    for document in yaml.safe_load_all(text):
        kind = KINDS.get((document.get("apiVersion"), document.get("kind")))
        need(kind, f"{where}: unknown {document.get('apiVersion')} {document.get('kind')}")
        objects.append(read(document, kind, f"{where}: {document['kind']}"))
    return objects


def load(name):
    text = (DEPLOY / name).read_text()
    try:
        return text, read_all(text, name)
    except Refused as error:
        need(False, error)


def need_refused(text, old, new):
    need(old in text, f"no {old!r} to change")
    try:
        read_all(text.replace(old, new, 1), "changed")
    except Refused:
        return
    need(False, f"{new!r} in the place of {old!r} is not refused")


runtime_text, (runtime,) = load("kserve/serving-runtime.yaml")
service_text, (service,) = load("kserve/inference-service.yaml")
plain_text, (deployment, plain_service) = load("kubernetes/roberta.yaml")
need_refused(runtime_text, "readinessProbe", "readyProbe")
need_refused(runtime_text, "supportedModelFormats:", "modelFormats:")
need_refused(service_text, "storageUri: pvc", "storageUrl: pvc")
need_refused(service_text, "minReplicas: 1", "minReplicas: many")
need_refused(plain_text, "containerPort: 5001", "port: 5001")

formats = {one.name for one in runtime.spec.supported_model_formats}
need(service.spec.predictor.model.model_format.name in formats, f"the service's format is none of {formats}")
need(service.spec.predictor.model.runtime == runtime.metadata.name, "the service asks for another runtime")
need(service.spec.predictor.model.protocol_version in runtime.spec.protocol_versions, "the runtime lacks the protocol")


def check_container(container, port):
    probes = {"/startupz": container.startup_probe, "/readyz": container.readiness_probe, "/livez": container.liveness_probe}
    for path, probe in probes.items():
        need(probe and probe.http_get.path == path, f"{container.name}: no probe of {path}")
        need(probe.http_get.port in (port, "http"), f"{container.name}: {path} is asked for at {probe.http_get.port}")
    security = container.security_context
    need(security.run_as_non_root and security.read_only_root_filesystem and not security.allow_privilege_escalation,
         f"{container.name}: more rights than it needs")
    need(container.args[0] == "serve", f"{container.name} runs {container.args}")


check_container(runtime.spec.containers[0], 8080)
check_container(deployment.spec.template.spec.containers[0], 5001)
need(runtime.spec.containers[0].name == "kserve-container", "KServe wants its container named kserve-container")
labels = deployment.spec.template.metadata.labels
need(deployment.spec.selector.match_labels == labels and plain_service.spec.selector == labels, "selectors and labels differ")
print("kubernetes: 4 manifests are known to the clients")
