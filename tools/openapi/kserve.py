"""KServe: the Open Inference Protocol (V2) with Triton's extensions, and V1."""
from .schema import ANY, BOOLEAN, COUNT, MODEL_ERRORS, STRING, Dialect, array, described, either, maybe, path_parameter, record, schema

ERROR = schema("KServeError", **record(("error",), error=STRING))
KSERVE = Dialect("KServe", "The Open Inference Protocol with Triton's extensions, and version 1 of KServe's protocol.", ERROR)
