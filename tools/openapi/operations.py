"""Health, metrics and version of the server."""
from .schema import STRING, Protocol, record
from .tei import ERROR

OPERATIONS = Protocol("Server", "Health, metrics and this description. These routes need no key.", ERROR, {503: "Not ready."})
PLAIN = {"const": "ok\n"}


def add(path, operation, summary, **more):
    OPERATIONS.add("GET", path, operation, summary, is_open=True, **more)


add("/livez", "livez", "Liveness of the process", response=PLAIN, kind="text/plain", errors=(431,))
add("/readyz", "readyz", "Readiness: the models are loaded, and the server is not shutting down", response=PLAIN, kind="text/plain",
    errors=(431, 503))
add("/startupz", "startupz", "Whether the models have been loaded", response=PLAIN, kind="text/plain", errors=(431, 503))
add("/health", "health", "As /readyz, in the format of text-embeddings-inference", response_about="Healthy; no body.", errors=(431, 503))
add("/ping", "ping", "As /health", response_about="Healthy; no body.", errors=(431, 503))
add("/metrics", "metrics", "Metrics in the text format of Prometheus", response=STRING, kind="text/plain", errors=(431,))
add("/version", "version", "Name and version of the program", response=record(("name", "version"), name=STRING, version=STRING), errors=(431,))
add("/openapi.json", "openapi", "This description", response=record(("openapi", "paths"), openapi=STRING, paths=record()), errors=(431,))
