#!/usr/bin/env python3
"""Writes server/openapi.json.in, the description of every route. A test compares its paths, methods and operationIds with the
server's route tables; tools/serve/conformance.py checks the server's responses against its schemas.

    tools/make_openapi.py            writes the file
    tools/make_openapi.py --check    fails if the file would change
"""
import json
import pathlib
import sys

from openapi.azure import AZURE
from openapi.kserve import KSERVE
from openapi.openai import OPENAI
from openapi.operations import OPERATIONS
from openapi.pipelines import PIPELINES
from openapi.platforms import PLATFORMS
from openapi.schema import COMPONENTS
from openapi.tei import TEI

TARGET = pathlib.Path(__file__).resolve().parent.parent / "server/openapi.json.in"
PROTOCOLS = [AZURE, PIPELINES, TEI, OPENAI, KSERVE, PLATFORMS, OPERATIONS]
ABOUT = ("Predictions of RoBERTa models over HTTP, with the protocols of several servers. All requests share one queue. Texts are "
         "UTF-8; offsets in a text are counted in code points. A request that names no model uses the first model, or the first that "
         "can do the task. Bodies may be compressed (`Content-Encoding: gzip`). Every response has `x-request-id`: the id of the "
         "request, or a new one.")


def document():
    paths = {}
    for protocol in PROTOCOLS:
        for (method, path), operation in protocol.operations.items():
            paths.setdefault(path, {})[method.lower()] = {"tags": [protocol.name], **operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "roberta serve", "version": "@PROJECT_VERSION@", "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        # Keys are an option of the server.
        "security": [{}, {"bearer": []}],
        "tags": [{"name": protocol.name, "description": protocol.about} for protocol in PROTOCOLS],
        "paths": paths,
        "components": COMPONENTS,
    }


def main():
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is out of date; run tools/make_openapi.py, and edit only tools/openapi/")
    return 1


if __name__ == "__main__":
    sys.exit(main())
