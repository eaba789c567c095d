"""Building blocks for schemas and responses, shared by the protocols."""

COMPONENTS = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": {}, "responses": {}, "parameters": {}, "headers": {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 1}},
}}


def schema(name, **body):
    """Adds a schema to the components; returns a reference to it."""
    COMPONENTS["schemas"][name] = body
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(body):
    """The same schema or null, which means absent."""
    return {**body, "type": [body["type"], "null"]} if isinstance(body.get("type"), str) and "enum" not in body else {"anyOf": [body, {"type": "null"}]}


def array(items, **more):
    return {"type": "array", "items": items, **more}


def either(*choices, **more):
    return {"anyOf": list(choices), **more}


def record(required=(), extra=None, about=None, **properties):
    """An object. `extra`: whether other members are allowed; None = the default of JSON Schema, which allows them."""
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
OFFSET = {"type": "integer", "minimum": 0}  # in code points
PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1.00001}  # rounding of fp32 sums
BOOLEAN = {"type": "boolean"}
VECTOR = array(NUMBER)
ANY = {}


def flag(default):
    return maybe({"type": "boolean"}) | {"default": default}


DESCRIPTIONS = {
    400: "The body is not valid JSON, or the input is empty.",
    401: "The API key is missing or invalid.",
    403: "Not allowed.",
    404: "The model was not found, or no model can do this.",
    405: "The method is not allowed; see `Allow`.",
    408: "The request did not arrive in time.",
    413: "The body is too large, as sent or decompressed.",
    414: "The URL is too long.",
    415: "The type or encoding of the body is not supported.",
    422: "The input is invalid; see the message.",
    424: "The model can't do this.",
    429: "The server is overloaded.",
    431: "The headers are too large or too many.",
    500: "Internal error.",
    501: "Not implemented.",
    503: "Not ready: the model is loading, or the server is shutting down.",
    504: "The request timed out.",
}
MODEL_ERRORS = (400, 401, 404, 408, 413, 415, 422, 424, 429, 431, 500, 503, 504)  # of a POST that runs a model
GET_ERRORS = (401, 404, 414, 431, 500, 503)                                      # of a GET


class Protocol:
    """Operations of one group of routes, whose errors have the same shape."""

    def __init__(self, name, about, error, descriptions=None):
        self.name, self.about, self.error, self.operations = name, about, error, {}
        self.descriptions = {**DESCRIPTIONS, **(descriptions or {})}

    def error_responses(self, statuses):
        """References to one response for each status, shared by the operations of the protocol."""
        responses = {}
        for status in sorted(statuses):
            name = f"{self.error['$ref'].rsplit('/')[-1]}{status}"
            response = {"description": self.descriptions[status], "content": {"application/json": {"schema": self.error}}}
            if status in (429, 503):
                response["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
            if COMPONENTS["responses"].setdefault(name, response) != response:  # protocols with the same schema but other descriptions
                name += "".join(filter(str.isalpha, self.name))
                COMPONENTS["responses"][name] = response
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return responses

    def add(self, method, path, operation, summary, *, about=None, body=None, example=None, examples=None, response=None, response_example=None,
            response_about="Success.", responses=None, kind="application/json", errors=None, parameters=None, is_open=False, optional_body=False):
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
        good = {"description": response_about}
        if response is not None:
            good["content"] = {kind: {"schema": response, **({"example": response_example} if response_example is not None else {})}}
        if is_open:
            entry["security"] = []
        if errors is None:
            errors = MODEL_ERRORS if body is not None else GET_ERRORS
        entry["responses"] = {**(responses or {"200": good}), **self.error_responses(status for status in errors if not (is_open and status == 401))}
        self.operations[method, path] = entry


def path_parameter(name, about, example, **body):
    return {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string", "minLength": 1, **body}, "example": example}


def query_parameter(name, about, body, example=None):
    return {"name": name, "in": "query", "required": False, "description": about, "schema": body, **({"example": example} if example is not None else {})}
