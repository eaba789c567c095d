"""Routes of text-embeddings-inference 1.9."""
from .schema import (BOOLEAN, COUNT, MODEL_ERRORS, NUMBER, OFFSET, STRING, TEXT, VECTOR, Protocol, array, described, either, flag, maybe,
                     query_parameter, record, schema)

ERROR = schema("Error", **record(
    ("error", "error_type"), error=described(STRING, "Human-readable message."),
    error_type={"type": "string", "enum": ["Empty", "Validation", "Tokenizer", "Backend", "Overloaded", "Unhealthy", "BadRequest", "Unauthorized",
                                           "NotFound", "MethodNotAllowed", "Timeout", "TooLarge", "UnsupportedMediaType", "Error"]}))
TEI = Protocol("Text embeddings inference", "The routes of text-embeddings-inference: embeddings, labels, ranks, tokens.", ERROR)

IDS = array({"type": "integer", "minimum": 0, "maximum": 2147483647}, minItems=1)
INPUT = schema("Input", **either(TEXT, IDS, array(either(TEXT, IDS), minItems=1),
                                 description="A text or its token ids, or a list of these with at most `max_client_batch_size` entries (see /info)."))
DIRECTION = maybe({"type": "string", "enum": ["left", "right", "Left", "Right"]}) | {"description": "The side where long texts are cut."}
COMMON = {
    "truncate": described(maybe(BOOLEAN), "Cut long texts instead of rejecting them. Default: `auto_truncate` of the server."),
    "truncation_direction": DIRECTION,
    "prompt_name": described(maybe(STRING), "Name of a prompt in the model's config_sentence_transformers.json, added before each text."),
}
MODEL = described(maybe(STRING), "Name of one of several models. Default: the first that can do this.")
DIMENSIONS = described(maybe({"type": "integer", "minimum": 1}), "Return only the first n numbers of each vector.")
TEXT_EXAMPLE = ["The cat sat on the warm stones.", "A kitten was lying in the sun."]

TEI.add("POST", "/embed", "embed", "One vector for each text",
        body=record(("inputs",), inputs=INPUT, normalize=described(flag(True), "Normalize to unit length."), dimensions=DIMENSIONS, model=MODEL, **COMMON),
        example={"inputs": TEXT_EXAMPLE}, response=array(VECTOR, minItems=1), response_example=[[0.0213, -0.0481], [0.0337, -0.0102]])
TEI.add("POST", "/embed_all", "embed_all", "One vector for each token of each text",
        body=record(("inputs",), inputs=INPUT, model=MODEL, **COMMON), example={"inputs": "The cat sat."},
        response=array(array(VECTOR), minItems=1), response_example=[[[0.0213, -0.0481], [0.0337, -0.0102]]])
TEI.add("POST", "/embed_sparse", "embed_sparse", "SPLADE weights of vocabulary entries for each text",
        body=record(("inputs",), inputs=INPUT, model=MODEL, **COMMON), example={"inputs": "The cat sat."},
        response=array(array(record(("index", "value"), index=COUNT, value=NUMBER)), minItems=1), response_example=[[{"index": 1311, "value": 1.73}]])

LABEL = schema("LabelScore", **record(("score", "label"), score=NUMBER, label=STRING))
PAIR = array(STRING, minItems=1, maxItems=2)
TEI.add("POST", "/predict", "predict", "Labels of texts, or of pairs of texts",
        about="`[\"a\", \"b\"]` is one pair, not two texts; several inputs are a list of lists.",
        body=record(("inputs",), inputs=either(TEXT, described(PAIR, "A text, or a pair."), array(PAIR, minItems=1)),
                    raw_scores=described(flag(False), "Logits instead of probabilities."), model=MODEL, **COMMON),
        example={"inputs": "What a wonderful film."},
        response=either(array(LABEL), array(array(LABEL)), description="Labels, highest score first; for several inputs a list of such lists."),
        response_example=[{"score": 0.98, "label": "POSITIVE"}, {"score": 0.02, "label": "NEGATIVE"}])
TEI.add("POST", "/rerank", "rerank", "Texts ranked by how well they match a query", about="For a classifier with one label, or with two of which the second means \"relevant\".",
        body=record(("query", "texts"), query=STRING, texts=array(STRING, minItems=1), raw_scores=flag(False), return_text=flag(False), model=MODEL,
                    **COMMON),
        example={"query": "What is the capital of France?", "texts": ["Paris is a city.", "Bread is food."]},
        response=array(record(("index", "score"), index=COUNT, text=STRING, score=NUMBER)), response_example=[{"index": 0, "score": 0.97}])
TEI.add("POST", "/similarity", "similarity", "Cosine similarities of one text with others",
        body=record(("inputs",), inputs=record(("source_sentence", "sentences"), source_sentence=TEXT, sentences=array(TEXT, minItems=1)),
                    parameters=maybe(record(**COMMON)), model=MODEL),
        example={"inputs": {"source_sentence": TEXT_EXAMPLE[0], "sentences": TEXT_EXAMPLE[1:]}}, response=array(NUMBER, minItems=1), response_example=[0.83])

TOKEN = schema("Token", **record(
    ("id", "text", "special", "start", "stop"), id=COUNT, text=STRING, special=BOOLEAN,
    start=described(maybe(OFFSET), "Offset of the first code point; null for tokens added by the tokenizer."), stop=maybe(OFFSET)))
TEI.add("POST", "/tokenize", "tokenize", "Tokens of texts with their offsets",
        body=record(("inputs",), inputs=either(TEXT, array(TEXT, minItems=1)), add_special_tokens=flag(True), prompt_name=COMMON["prompt_name"],
                    model=MODEL),
        example={"inputs": "Hello world"}, response=array(array(TOKEN), minItems=1), errors=set(MODEL_ERRORS) - {504},
        response_example=[[{"id": 0, "text": "<s>", "special": True, "start": None, "stop": None},
                         {"id": 1311, "text": "Hello", "special": False, "start": 0, "stop": 5}]])
TEI.add("POST", "/decode", "decode", "The text of token ids",
        body=record(("ids",), ids=either(IDS, array(IDS, minItems=1)), skip_special_tokens=flag(True), model=MODEL),
        example={"ids": [0, 713, 16, 10, 1296, 2]}, response=array(STRING, minItems=1), response_example=["This is a test"],
        errors=set(MODEL_ERRORS) - {504})

LABELS = record(("id2label", "label2id"), id2label={"type": "object", "additionalProperties": STRING},
                label2id={"type": "object", "additionalProperties": COUNT})
TEI.add("GET", "/info", "info", "The model and the limits of the server",
        parameters=[query_parameter("model", "Name of one of several models. Default: the first.", STRING)],
        response=record(("model_id", "model_dtype", "model_type", "max_concurrent_requests", "max_input_length", "max_batch_tokens",
                       "max_client_batch_size", "auto_truncate", "tokenization_workers", "version"),
                      model_id=STRING, model_sha=maybe(STRING), model_dtype={"type": "string", "enum": ["float32", "bfloat16"]},
                      served_model_name=STRING,
                      model_type=either(record(("embedding",), embedding=record(("pooling",), pooling=STRING)), record(("classifier",), classifier=LABELS),
                                        record(("reranker",), reranker=LABELS)),
                      max_concurrent_requests=COUNT, max_input_length=COUNT, max_batch_tokens=COUNT, max_batch_requests=maybe(COUNT),
                      max_client_batch_size=COUNT, auto_truncate=BOOLEAN, tokenization_workers=COUNT, version=STRING, sha=maybe(STRING),
                      docker_label=maybe(STRING)))
