"""Azure ML's online endpoint."""
from .schema import BOOLEAN, STRING, TEXT, Protocol, array, described, either, maybe, query_parameter, record, schema

ERROR = schema("AzureError", **record(("message",), message=STRING))
AZURE = Protocol("Azure ML", "The routes of an Azure ML online endpoint: health, scoring, Swagger.", ERROR, {
    400: "The body is not valid JSON, or its inputs are invalid; see the message.",
    404: "The model or the version of the specification was not found.",
    431: "An id in the headers has more than 100 characters, or the headers are too large.",
    500: "Scoring failed or timed out, or the model can't do this. `x-ms-run-function-failed: True`.",
})

PARAMETERS = schema("TaskParameters", **record(
    about="Options of the task. Unknown ones are ignored.",
    top_k=described(maybe({"type": "integer", "minimum": 1, "maximum": 1000}), "The number of predictions for each mask, text or question."),
    targets=described(maybe(either(STRING, array(STRING, maxItems=1000))), "Fill masks only with these words."),
    return_full=described(maybe(BOOLEAN), "Return the pipeline's objects instead of only the best prediction.")))
INPUTS = described(either(TEXT, array(either(TEXT, array(STRING, minItems=1, maxItems=2), record()), minItems=1), record()),
                   "A text; a list of texts; `{\"input_string\": [texts]}`; `{\"question\": text, \"context\": text}`, or a list of these; "
                   "a data frame `{\"columns\": [...], \"index\": [...], \"data\": [...]}`.")
BODY = either(*(record((name,), **{name: INPUTS}, parameters=maybe(PARAMETERS), params=maybe(PARAMETERS)) for name in ("input_data", "inputs", "data")))
ANSWER = {"type": ["array", "object"], "description": "For `input_data` and `data`, a list with the best prediction for each input: a word, a label with its score, "
                                                      "an answer, a vector. For `inputs`, the response of the task's pipeline."}
MODEL_CARD_EXAMPLE = {"input_data": ["Paris is the <mask> of France.", "Today is a <mask> day!"]}
ERRORS = (400, 401, 404, 408, 413, 415, 429, 431, 500, 503)

AZURE.add("GET", "/", "azure_health", "Whether the models are loaded", is_open=True, response={"const": "Healthy"}, kind="text/plain",
          errors=(431, 503))
AZURE.add("POST", "/score", "score", "Predictions of the model's main task", body=BODY, errors=ERRORS, response=ANSWER, response_example=["capital", "great"],
          examples={"model_card": MODEL_CARD_EXAMPLE, "older": {"inputs": {"input_string": ["Paris is the <mask> of France."]}},
                    "full": {**MODEL_CARD_EXAMPLE, "parameters": {"top_k": 3, "return_full": True}}})
AZURE.add("GET", "/score", "score_get", "The same with the inputs in the query",
          parameters=[query_parameter("input_data", "A text, or the JSON of the inputs.", STRING, "Paris is the <mask> of France."),
                      query_parameter("parameters", "The JSON of the parameters.", STRING)],
          errors=(400, 401, 404, 414, 429, 431, 500, 503), response=ANSWER, response_example=["capital"])
AZURE.add("GET", "/swagger.json", "swagger", "The Swagger specification of `/score` for this model",
          parameters=[query_parameter("version", "Version of the specification.", {"type": "string", "enum": ["2", "2.0", "3", "3.0", "3.1"], "default": "2"})],
          errors=(401, 404, 414, 431), response=record())
