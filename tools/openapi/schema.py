"""Words for schemas and answers, shared by the dialects."""

COMPONENTS = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": {}, "responses": {}, "parameters": {}, "headers": {
    "Retry-After": {"description": "Seconds until there should be room.", "schema": {"type": "integer", "minimum": 1}},
}}


def schema(name, **body):
    """Puts a schema among the components; gives the reference to it."""
    COMPONENTS["schemas"][name] = body
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(body):
    """The same, or null, which counts as absent."""
    return {**body, "type": [body["type"], "null"]} if isinstance(body.get("type"), str) and "enum" not in body else {"anyOf": [body, {"type": "null"}]}


def array(items, **more):
    return {"type": "array", "items": items, **more}


def either(*choices, **more):
    return {"anyOf": list(choices), **more}


def record(required=(), extra=None, about=None, **properties):
    """An object. `extra`: whether members of other names may come; None: what JSON Schema says, they may."""
    body = {"type": "object", "properties": properties}
    if required:
        body["required"] = list(required)
    if extra is not None:
        body["additionalProperties"] = extra
    if about:
        body["description"] = about
    return body


def described(body, about):
    return {**body, "description": about}


STRING = {"type": "string"}
TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
COUNT = {"type": "integer", "minimum": 0}
PLACE = {"type": "integer", "minimum": 0}  # in code points
SHARE = {"type": "number", "minimum": 0, "maximum": 1.00001}  # rounding of fp32 sums
BOOLEAN = {"type": "boolean"}
VECTOR = array(NUMBER)
ANY = {}


def flag(default):
    return maybe({"type": "boolean"}) | {"default": default}


MEANINGS = {
    400: "Not JSON, or nothing to work on.",
    401: "A key is wanted, and this is none of them.",
    403: "Not allowed.",
    404: "There is no model of that name, or none for this.",
    405: "Another method is wanted, see `Allow`.",
    408: "The request did not arrive in time.",
    413: "The body is larger than the server takes, unpacked too.",
    414: "The address is too long.",
    415: "The body is of another type or encoding.",
    422: "The input can't be used; the message says why.",
    424: "The model has no such ability.",
    429: "The server has as much to do as it takes on.",
    431: "The headers are too large or too many.",
    500: "Something broke inside the server.",
    501: "Not offered by this server.",
    503: "Not ready: the model is loading, or the server is about to stop.",
    504: "The answer was not there within the time for a request.",
}
MODEL_ERRORS = (400, 401, 404, 408, 413, 415, 422, 424, 429, 431, 500, 503, 504)  # of a POST that runs a model
FACT_ERRORS = (401, 404, 414, 431, 500, 503)                                      # of a GET


class Dialect:
    """Operations of one family of routes, whose refusals have one shape."""

    def __init__(self, name, about, error, meanings=None):
        self.name, self.about, self.error, self.operations = name, about, error, {}
        self.meanings = {**MEANINGS, **(meanings or {})}

    def refusals(self, statuses):
        """References to one answer for each status, shared by the dialect's operations."""
        answers = {}
        for status in sorted(statuses):
            name = f"{self.error['$ref'].rsplit('/')[-1]}{status}"
            answer = {"description": self.meanings[status], "content": {"application/json": {"schema": self.error}}}
            if status in (429, 503):
                answer["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
            if COMPONENTS["responses"].setdefault(name, answer) != answer:  # dialects with one schema, but other words
                name += "".join(filter(str.isalpha, self.name))
                COMPONENTS["responses"][name] = answer
            answers[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return answers

    def add(self, method, path, operation, summary, *, about=None, body=None, example=None, examples=None, answer=None, answer_example=None,
            answer_about="The answer.", answers=None, kind="application/json", errors=None, parameters=None, is_open=False, optional_body=False):
        entry = {"operationId": operation, "summary": summary}
        if about:
            entry["description"] = about
        if parameters:
            entry["parameters"] = parameters
        if body is not None:
            media = {"schema": body}
            if examples:
                media["examples"] = {name: {"value": value} for name, value in examples.items()}
            elif example is not None:
                media["example"] = example
            entry["requestBody"] = {"required": not optional_body, "content": {"application/json": media}}
        good = {"description": answer_about}
        if answer is not None:
            good["content"] = {kind: {"schema": answer, **({"example": answer_example} if answer_example is not None else {})}}
        if is_open:
            entry["security"] = []
        if errors is None:
            errors = MODEL_ERRORS if body is not None else FACT_ERRORS
        entry["responses"] = {**(answers or {"200": good}), **self.refusals(status for status in errors if not (is_open and status == 401))}
        self.operations[method, path] = entry


def path_parameter(name, about, example, **body):
    return {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string", "minLength": 1, **body}, "example": example}


def query_parameter(name, about, body, example=None):
    return {"name": name, "in": "query", "required": False, "description": about, "schema": body, **({"example": example} if example is not None else {})}
