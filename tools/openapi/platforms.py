"""Routes of hosting platforms to the model's main task."""
from .schema import ANY, STRING, Protocol, array, described, either, record, schema

ERROR = schema("PlatformError", **record(("error_code", "message", "error", "error_type"), error_code=STRING, message=STRING, error=STRING, error_type=STRING,
                                         about="The members of MLflow and of text-embeddings-inference."))
PLATFORMS = Protocol("Platforms", "Routes of Amazon SageMaker, MLflow and Google's Vertex AI to the model's main task.", ERROR)
REQUEST = described(record(), "The body of `/predict`, `/rerank` or `/embed` for the models that these are for; otherwise that of the model's pipeline.")
ANSWER = {"type": ["array", "object"], "description": "The response of that route."}
EXAMPLE = {"inputs": "Paris is the <mask> of France."}

PLATFORMS.add("POST", "/", "main_task", "Predictions of the model's main task", body=REQUEST, example=EXAMPLE, response=ANSWER)
PLATFORMS.add("POST", "/invocations", "invocations", "The same, and the forms of MLflow's scoring server", example=EXAMPLE, response=ANSWER,
              body=described(record(), "`inputs` as for POST /; or MLflow's `dataframe_split`, `dataframe_records` or `instances`, with `params`: "
                                       "then the response is `{\"predictions\": [...]}`."))
PLATFORMS.add("POST", "/vertex", "vertex", "The same for each of several instances",
              body=record(("instances",), instances=array(either(STRING, REQUEST), minItems=1)), example={"instances": [EXAMPLE]},
              response=record(("predictions",), predictions=array(ANY)))
