"""The transformers pipelines over HTTP."""
from .schema import BOOLEAN, COUNT, NUMBER, OFFSET, PROBABILITY, STRING, TEXT, VECTOR, Protocol, array, described, either, flag, maybe, record, schema
from .tei import DIRECTION, ERROR, MODEL

PIPELINES = Protocol("Pipelines", "The pipelines of transformers, with the body of the hosted inference API: `inputs` and `parameters`.", ERROR)
WHOLE = either(TEXT, array(TEXT, minItems=1), description="A text, or a list of texts.")


TOP_K = maybe({"type": "integer", "minimum": 1, "maximum": 100000})


def body(inputs, *, required=(), **parameters):
    """Unknown members and parameters are rejected."""
    named = record(required, extra=False, **parameters)
    return record(("inputs", "parameters") if required else ("inputs",), extra=False, inputs=inputs, parameters=named if required else maybe(named),
                  options=described(maybe(record()), "Ignored."), model=MODEL)


FILL = schema("Fill", **record(
    ("score", "token", "token_str", "sequence"), score=PROBABILITY,
    token=either(COUNT, array(COUNT), description="A list for a target of several tokens."), token_str=STRING, sequence=STRING))
JOINT = schema("JointFill", **record(("score", "token", "token_str", "sequence"), score=PROBABILITY, token=array(COUNT), token_str=array(STRING),
                                     sequence=STRING, about="With `joint`: one word for each mask, found together."))
MASKED = {"type": "string", "pattern": "<mask>"}
FILLS = either(array(FILL), array(array(FILL)), array(JOINT))
PIPELINES.add("POST", "/pipelines/fill-mask", "pipeline_fill_mask", "Ranked words for the masks of a text",
              body=body(either(MASKED, array(MASKED, minItems=1), description="A text with `<mask>`, or a list of such texts."),
                        top_k=TOP_K | {"default": 5},
                        targets=described(maybe(either(TEXT, array(TEXT, minItems=1))), "Only these words."),
                        joint=described(flag(False), "Fill all masks of a text together; can't be combined with `targets`."),
                        beam=described(maybe({"type": "integer", "minimum": 0, "maximum": 1024}), "Beam width of the search with `joint`; 0 = automatic.")),
              example={"inputs": "Paris is the <mask> of France.", "parameters": {"top_k": 2}},
              response=either(FILLS, array(FILLS),
                            description="Words, most probable first; for several masks or texts, a list of these."),
              response_example=[{"score": 0.41, "token": 812, "token_str": " capital", "sequence": "Paris is the capital of France."}])

LABEL = {"$ref": "#/components/schemas/LabelScore"}
PAIR = record(("text",), text=TEXT, text_pair=maybe(STRING))
PIPELINES.add("POST", "/pipelines/text-classification", "pipeline_text_classification", "Labels of texts, or of pairs of texts",
              body=body(either(TEXT, PAIR, array(either(TEXT, PAIR), minItems=1)),
                        top_k=described(TOP_K, "null = all labels; absent = the best label, not in a list."), truncation=maybe(BOOLEAN),
                        function_to_apply=maybe({"type": "string", "enum": ["default", "softmax", "sigmoid", "none"]})),
              example={"inputs": "What a wonderful film.", "parameters": {"top_k": None}},
              response=either(LABEL, array(LABEL), array(array(LABEL))), response_example=[{"label": "POSITIVE", "score": 0.98}])

LONG = {"type": "integer", "minimum": 0, "maximum": 1048576}
TAG = schema("Tag", **record(("score", "word", "start", "end"), entity=STRING, entity_group=STRING, score=PROBABILITY, index=COUNT, word=STRING, start=OFFSET,
                             end=OFFSET, about="`entity` and `index` for a token, or `entity_group` with an aggregation."))
PIPELINES.add("POST", "/pipelines/token-classification", "pipeline_token_classification", "Labelled parts of texts",
              body=body(either(WHOLE, array(array(STRING, minItems=1), minItems=1)), aggregation_strategy=maybe({"type": "string", "enum": ["none", "simple", "first", "average", "max"]}) | {"default": "none"},
                        ignore_labels=maybe(either(STRING, array(STRING))) | {"default": ["O"]}, stride=maybe(LONG),
                        is_split_into_words=described(flag(False), "`inputs` is a list of words, or a list of such lists.")),
              example={"inputs": "Marie Curie was born in Warsaw.", "parameters": {"aggregation_strategy": "simple"}},
              response=either(array(TAG), array(array(TAG))),
              response_example=[{"entity_group": "PER", "score": 0.99, "word": "Marie Curie", "start": 0, "end": 11}])

ANSWER = schema("Answer", **record(("score", "start", "end", "answer"), score=PROBABILITY, start=OFFSET, end=OFFSET, answer=STRING))
QUESTION = record(("question", "context"), question=TEXT, context=TEXT)
LIMIT = {"type": "integer", "minimum": 1, "maximum": 1048576}
PIPELINES.add("POST", "/pipelines/question-answering", "pipeline_question_answering", "Answers from a text",
              body=body(either(QUESTION, array(QUESTION, minItems=1)), top_k=maybe({"type": "integer", "minimum": 1, "maximum": 1000}) | {"default": 1},
                        doc_stride=maybe(LONG), max_answer_len=maybe(LIMIT), max_seq_len=maybe(LIMIT), max_question_len=maybe(LIMIT), handle_impossible_answer=flag(False),
                        align_to_words=flag(True)),
              example={"inputs": {"question": "Where was she born?", "context": "Marie Curie was born in Warsaw."}},
              response=either(ANSWER, array(either(ANSWER, array(ANSWER)))), response_example={"score": 0.93, "start": 24, "end": 30, "answer": "Warsaw"})

ZERO = schema("ZeroShot", **record(("sequence", "labels", "scores"), sequence=STRING, labels=array(STRING), scores=array(PROBABILITY)))
PIPELINES.add("POST", "/pipelines/zero-shot-classification", "pipeline_zero_shot_classification", "Scores of labels given in the request",
              about="Needs a model of natural-language inference: one of its labels begins with `entail`.",
              body=body(WHOLE, required=("candidate_labels",), candidate_labels=either(TEXT, array(TEXT, minItems=1), description="A list, or one string separated by commas."),
                        hypothesis_template=maybe({"type": "string", "pattern": "\\{\\}"}) | {"default": "This example is {}."}, multi_label=flag(False)),
              example={"inputs": "The new engine uses less fuel.", "parameters": {"candidate_labels": ["technology", "sport"]}},
              response=either(ZERO, array(ZERO)), response_example={"sequence": "The new engine uses less fuel.", "labels": ["technology", "sport"], "scores": [0.9, 0.1]})
PIPELINES.add("POST", "/pipelines/feature-extraction", "pipeline_feature_extraction", "Hidden states of each token",
              body=body(WHOLE, truncation=maybe(BOOLEAN), truncate=maybe(BOOLEAN), truncation_direction=DIRECTION, prompt_name=maybe(STRING),
                        pooling=maybe({"type": "string", "enum": ["none", "cls", "mean", "max"]}) | {"default": "none"}, normalize=flag(False)),
              example={"inputs": "The cat sat."}, response_example=[[[0.02, -0.04], [0.03, -0.01]]],
              response=array(either(NUMBER, array(either(NUMBER, array(either(NUMBER, VECTOR))))),
                           description="`[[one vector for each token]]`, for several texts a list of these; with `pooling` one vector, or a list of vectors."))
