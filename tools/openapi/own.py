"""What the server says of itself."""
from .schema import STRING, Dialect, record
from .tei import ERROR

OWN = Dialect("Server", "Health, metrics, and this description. None of these wants a key.", ERROR, {503: "Not yet, or no more."})
PLAIN = {"const": "ok\n"}


def add(path, operation, summary, **more):
    OWN.add("GET", path, operation, summary, is_open=True, **more)


add("/livez", "livez", "Whether the process lives", answer=PLAIN, kind="text/plain", errors=(431,))
add("/readyz", "readyz", "Whether requests are welcome: the models are loaded, and the server is not about to stop", answer=PLAIN, kind="text/plain",
    errors=(431, 503))
add("/startupz", "startupz", "Whether the models have been loaded", answer=PLAIN, kind="text/plain", errors=(431, 503))
add("/health", "health", "The same as /readyz, in the words of text-embeddings-inference", answer_about="Healthy; no body.", errors=(431, 503))
add("/ping", "ping", "The same as /health", answer_about="Healthy; no body.", errors=(431, 503))
add("/metrics", "metrics", "Counters, gauges and histograms in the text format of Prometheus", answer=STRING, kind="text/plain", errors=(431,))
add("/version", "version", "Name and version of the program", answer=record(("name", "version"), name=STRING, version=STRING), errors=(431,))
add("/openapi.json", "openapi", "This description", answer=record(("openapi", "paths"), openapi=STRING, paths=record()), errors=(431,))
