"""Azure ML's online endpoint."""
from .schema import BOOLEAN, STRING, TEXT, Dialect, array, described, either, maybe, query_parameter, record, schema

ERROR = schema("AzureError", **record(("message",), message=STRING))
AZURE = Dialect("Azure ML", "The routes of an Azure ML online endpoint: liveness and readiness, scoring, Swagger.", ERROR, {
    400: "The body is no JSON, or its inputs can't be used; the message says why.",
    404: "There is no model here, or no such version of the specification.",
    431: "An id in the headers has more than 100 characters, or the headers are too large.",
    500: "Scoring failed, the model can't do what is asked, or the time for a request has passed. `x-ms-run-function-failed: True`.",
})

PARAMETERS = schema("TaskParameters", **record(
    about="Options of the task. Unknown ones are ignored.",
    top_k=described(maybe({"type": "integer", "minimum": 1, "maximum": 1000}), "Answers for each mask, text or question."),
    targets=described(maybe(either(STRING, array(STRING, maxItems=1000))), "Fill masks with these words only."),
    return_full=described(maybe(BOOLEAN), "The pipeline's objects instead of the best answer alone.")))
INPUTS = described(either(TEXT, array(either(TEXT, array(STRING, minItems=1, maxItems=2), record()), minItems=1), record()),
                   "A text; a list of texts; `{\"input_string\": [texts]}`; `{\"question\": text, \"context\": text}`, or a list of these; "
                   "a data frame `{\"columns\": [...], \"index\": [...], \"data\": [...]}`.")
BODY = either(*(record((name,), **{name: INPUTS}, parameters=maybe(PARAMETERS), params=maybe(PARAMETERS)) for name in ("input_data", "inputs", "data")))
ANSWER = {"type": ["array", "object"], "description": "For `input_data` and `data` a list with the best answer of each input: a word, a label with its score, "
                                                      "an answer, a vector. For `inputs` what the pipeline of the task answers."}
CARD = {"input_data": ["Paris is the <mask> of France.", "Today is a <mask> day!"]}
ERRORS = (400, 401, 404, 408, 413, 415, 429, 431, 500, 503)

AZURE.add("GET", "/", "azure_health", "Whether the models are loaded", is_open=True, answer={"const": "Healthy"}, kind="text/plain",
          errors=(431, 503))
AZURE.add("POST", "/score", "score", "Answers of the model's own task", body=BODY, errors=ERRORS, answer=ANSWER, answer_example=["capital", "great"],
          examples={"card": CARD, "older": {"inputs": {"input_string": ["Paris is the <mask> of France."]}},
                    "full": {**CARD, "parameters": {"top_k": 3, "return_full": True}}})
AZURE.add("GET", "/score", "score_get", "The same, with the inputs in the query",
          parameters=[query_parameter("input_data", "A text, or the JSON of the inputs.", STRING, "Paris is the <mask> of France."),
                      query_parameter("parameters", "The JSON of the parameters.", STRING)],
          errors=(400, 401, 404, 414, 429, 431, 500, 503), answer=ANSWER, answer_example=["capital"])
AZURE.add("GET", "/swagger.json", "swagger", "What `/score` takes, for this model",
          parameters=[query_parameter("version", "Of the specification.", {"type": "string", "enum": ["2", "2.0", "3", "3.0", "3.1"], "default": "2"})],
          errors=(401, 404, 414, 431), answer=record())
