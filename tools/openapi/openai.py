"""OpenAI's embeddings."""
from .schema import COUNT, INTEGER, STRING, VECTOR, Protocol, array, described, either, maybe, record, schema
from .tei import DIMENSIONS, INPUT, TEXT_EXAMPLE

ERROR = schema("OpenAIError", **record(
    ("error", "message", "code", "error_type"),
    error=record(("message", "type", "param", "code"), message=STRING, type=STRING, param={"type": "null"}, code=maybe(STRING)),
    message=STRING, code=described(INTEGER, "The HTTP status."), type=STRING, error_type=STRING,
    about="`error` is OpenAI's format, the other members are those of text-embeddings-inference."))
OPENAI = Protocol("OpenAI", "Embeddings for clients of OpenAI.", ERROR)

OPENAI.add("POST", "/v1/embeddings", "openai_embeddings", "One vector for each text",
           body=record(("input",), input=INPUT, model=described(maybe(STRING), "Name of one of several models; a single model accepts any name."),
                       encoding_format=maybe({"type": "string", "enum": ["float", "base64"]}) | {"default": "float"}, dimensions=DIMENSIONS,
                       user=described(maybe(STRING), "Ignored.")),
           example={"input": TEXT_EXAMPLE, "model": "roberta"},
           response=record(("object", "data", "model", "usage"), object={"const": "list"},
                         data=array(record(("object", "index", "embedding"), object={"const": "embedding"}, index=COUNT,
                                           embedding=either(VECTOR, described(STRING, "Base64 of little-endian fp32."))), minItems=1),
                         model=STRING, usage=record(("prompt_tokens", "total_tokens"), prompt_tokens=COUNT, total_tokens=COUNT)),
           response_example={"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.0213, -0.0481]}], "model": "roberta",
                           "usage": {"prompt_tokens": 9, "total_tokens": 9}})
