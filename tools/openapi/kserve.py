"""KServe: the Open Inference Protocol (V2) with Triton's extensions, and V1."""
from .azure import PARAMETERS
from .schema import ANY, BOOLEAN, COUNT, GET_ERRORS, INTEGER, STRING, Protocol, array, described, either, maybe, path_parameter, record, schema

ERROR = schema("KServeError", **record(("error",), error=STRING))
KSERVE = Protocol("KServe", "The Open Inference Protocol with Triton's extensions, and version 1 of KServe's protocol.", ERROR, {
    400: "The request is invalid, or the model can't do this; see the message.",
    403: "The server was not started with `--model-control`.",
})
ERRORS = (400, 401, 404, 408, 413, 415, 429, 431, 500, 503, 504)
CONTROL_ERRORS = (400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 503, 504)
MODEL = path_parameter("model", "Name of a served model.", "roberta-small-english")
NAME = "roberta-small-english"
VALUE = {"type": ["string", "number", "boolean", "null"]}
SETTINGS = {"type": "object", "additionalProperties": VALUE}
TYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BF16", "BYTES"]

FACTS = schema("TensorFacts", **record(("name", "datatype", "shape"), name=STRING, datatype={"type": "string", "enum": TYPES}, shape=array(INTEGER)))
INPUT = schema("InputTensor", **record(
    ("name", "shape", "datatype"), name=STRING, shape=array(COUNT, maxItems=8), datatype={"type": "string", "enum": TYPES},
    parameters=maybe(SETTINGS), data=described(maybe(array(ANY)), "Nested or flat. Absent when the data follow the JSON (`binary_data_size`)."),
    about="Texts are BYTES of shape [n]; token ids are `input_ids`, INT64 of shape [n, L], with `attention_mask` for shorter rows."))
OUTPUT = schema("OutputTensor", **record(("name", "datatype", "shape"), name=STRING, datatype={"type": "string", "enum": ["BYTES", "INT64", "FP32"]},
                                         shape=array(COUNT), data=array({"type": ["string", "number"]}), parameters=SETTINGS))
BINARY = {"description": "The outputs. With `binary_data_output`, or `binary_data` of an output, they follow the JSON, whose length is in the header "
                         "`Inference-Header-Content-Length`.",
          "content": {"application/json": {"schema": schema("InferResponse", **record(
              ("model_name", "model_version", "outputs"), model_name=STRING, model_version=STRING, id=STRING, outputs=array(OUTPUT))),
              "example": {"model_name": NAME, "model_version": "1", "id": "42",
                          "outputs": [{"name": "output-0", "datatype": "BYTES", "shape": [1], "data": ["capital"]}]}},
              "application/octet-stream": {"schema": {"type": "string"}}}}

KSERVE.add("GET", "/v2", "v2_server", "Name, version and extensions of the server", errors=(401, 431),
           response=record(("name", "version", "extensions"), name=STRING, version=STRING, extensions=array(STRING)))
KSERVE.add("GET", "/v2/health/live", "v2_live", "Liveness of the process", is_open=True, errors=(431,), response=record(("live",), live={"const": True}))
READY = record(("live", "ready"), live=BOOLEAN, ready=BOOLEAN)


def ready_responses(body, good, bad):
    """200 and 503 with the same shape."""
    return {"200": {"description": good, "content": {"application/json": {"schema": body}}},
            "503": {"description": bad, "content": {"application/json": {"schema": body}}}}


KSERVE.add("GET", "/v2/health/ready", "v2_ready", "Readiness of the server", is_open=True, errors=(431,),
           responses=ready_responses(READY, "Ready.", "Loading or shutting down."))
KSERVE.add("GET", "/v2/models/{model}", "v2_model", "Inputs and outputs of a model", parameters=[MODEL], errors=GET_ERRORS,
           response=record(("name", "versions", "platform", "inputs", "outputs"), name=STRING, versions=array(STRING), platform=STRING, inputs=array(FACTS),
                         outputs=array(FACTS)))
KSERVE.add("GET", "/v2/models/{model}/ready", "v2_model_ready", "Readiness of a model", parameters=[MODEL], is_open=True, errors=(404, 414, 431),
           responses=ready_responses(record(("name", "ready"), name=STRING, ready=BOOLEAN), "Ready.", "Not loaded."))
KSERVE.add("POST", "/v2/models/{model}/infer", "v2_infer", "Predictions of the model's main task as tensors", parameters=[MODEL], errors=ERRORS,
           body=record(("inputs",), id=maybe(STRING), parameters=maybe(SETTINGS), inputs=array(INPUT, minItems=1, maxItems=16),
                       outputs=maybe(array(record(("name",), name=STRING, parameters=maybe(SETTINGS)), maxItems=16))),
           example={"id": "42", "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Paris is the <mask> of France."]}]},
           responses={"200": BINARY})
DURATION = record(("count", "ns"), count=COUNT, ns=COUNT)
STATISTICS = record(("model_stats",), model_stats=array(record(
    ("name", "version", "last_inference", "inference_count", "execution_count", "inference_stats"), name=STRING, version=STRING, last_inference=COUNT,
    inference_count=COUNT, execution_count=COUNT, batch_stats=array(ANY),
    inference_stats=record(("success", "fail", "queue"), success=DURATION, fail=DURATION, queue=DURATION, compute_input=DURATION, compute_infer=DURATION,
                           compute_output=DURATION, cache_hit=DURATION))))
KSERVE.add("GET", "/v2/models/stats", "v2_stats", "Request counts and times of all models, for these routes only", response=STATISTICS, errors=(401, 431))
KSERVE.add("GET", "/v2/models/{model}/stats", "v2_model_stats", "Request counts and times of a model, for these routes only", parameters=[MODEL], response=STATISTICS,
           errors=GET_ERRORS)

KSERVE.add("POST", "/v2/repository/index", "v2_repository_index", "The models and their states", optional_body=True,
           body=record(ready=described(maybe(BOOLEAN), "Only models that are ready.")), example={}, errors=(400, 401, 408, 413, 415, 431),
           response=array(record(("name", "state", "reason"), name=STRING, version=STRING, reason=STRING,
                               state={"type": "string", "enum": ["READY", "LOADING", "UNAVAILABLE"]})))
KSERVE.add("POST", "/v2/repository/models/{model}/load", "v2_load", "Reloads a model, or loads a new one",
           about="Requests continue meanwhile; the old version stays in use if the new one can't be loaded.", parameters=[MODEL], optional_body=True,
           body=record(parameters=maybe(record(model_directory=described(maybe(STRING), "Directory of a new model on the server's machine.")))), example={},
           errors=CONTROL_ERRORS, response=record())
KSERVE.add("POST", "/v2/repository/models/{model}/unload", "v2_unload", "Unloads a model", parameters=[MODEL], errors=CONTROL_ERRORS, response=record())

V1_MODEL = schema("ServedModel", **record(("id", "object", "created", "owned_by", "name", "ready"), id=STRING, object={"const": "model"}, created=COUNT,
                                          owned_by=STRING, name=STRING, ready=BOOLEAN, about="For clients of OpenAI and of KServe."))
KSERVE.add("GET", "/v1/models", "v1_models", "The models, for clients of OpenAI and of KServe", errors=(401, 431),
           response=record(("models", "object", "data"), models=array(STRING), object={"const": "list"}, data=array(V1_MODEL)))
KSERVE.add("GET", "/v1/models/{model}", "v1_model", "One model", parameters=[MODEL], errors=(401, 404, 414, 431),
           responses=ready_responses(V1_MODEL, "The model is ready.", "The model is not ready."))
KSERVE.add("POST", "/v1/models/{model}:predict", "v1_predict", "Predictions of the model's main task", parameters=[MODEL], errors=ERRORS,
           body=record(("instances",), instances=array(either(STRING, record(), array(STRING, minItems=1, maxItems=2)), minItems=1),
                       parameters=maybe(PARAMETERS)),
           example={"instances": ["Paris is the <mask> of France."]}, response=record(("predictions",), predictions=array(ANY)),
           response_example={"predictions": ["capital"]})
