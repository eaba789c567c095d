"""Doors of hosting platforms to the model's own task."""
from .schema import ANY, STRING, Dialect, array, described, either, record, schema

ERROR = schema("PlatformError", **record(("error_code", "message", "error", "error_type"), error_code=STRING, message=STRING, error=STRING, error_type=STRING,
                                         about="The members of MLflow and of text-embeddings-inference."))
PLATFORMS = Dialect("Platforms", "Doors of Amazon SageMaker, MLflow and Google's Vertex AI to the model's own task.", ERROR)
REQUEST = described(record(), "The body of `/predict`, `/rerank` or `/embed` for the models that these are for; else that of the model's pipeline.")
ANSWER = {"type": ["array", "object"], "description": "What that route answers."}
EXAMPLE = {"inputs": "Paris is the <mask> of France."}

PLATFORMS.add("POST", "/", "main_task", "Answers of the model's own task", body=REQUEST, example=EXAMPLE, answer=ANSWER)
PLATFORMS.add("POST", "/invocations", "invocations", "The same, and the forms of MLflow's scoring server", example=EXAMPLE, answer=ANSWER,
              body=described(record(), "`inputs` as for POST /; or MLflow's `dataframe_split`, `dataframe_records` or `instances`, with `params`: "
                                       "then the answer is `{\"predictions\": [...]}`."))
PLATFORMS.add("POST", "/vertex", "vertex", "The same, for each of several instances",
              body=record(("instances",), instances=array(either(STRING, REQUEST), minItems=1)), example={"instances": [EXAMPLE]},
              answer=record(("predictions",), predictions=array(ANY)))
