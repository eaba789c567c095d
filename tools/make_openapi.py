#!/usr/bin/env python3
"""Writes server/openapi.json.in, the description of every route. A test holds its paths, methods and operationIds against the
server's own tables of routes; tools/serve/conformance.py holds its schemas against what the server answers.

    tools/make_openapi.py            writes the file
    tools/make_openapi.py --check    fails when it would change
"""
import json
import pathlib
import sys

from openapi.azure import AZURE
from openapi.kserve import KSERVE
from openapi.openai import OPENAI
from openapi.own import OWN
from openapi.pipelines import PIPELINES
from openapi.platforms import PLATFORMS
from openapi.schema import COMPONENTS
from openapi.tei import TEI

TARGET = pathlib.Path(__file__).resolve().parent.parent / "server/openapi.json.in"
DIALECTS = [AZURE, PIPELINES, TEI, OPENAI, KSERVE, PLATFORMS, OWN]
ABOUT = ("Answers of a RoBERTa model over HTTP, in the words of several servers that clients speak with already; behind all of them is "
         "one queue. Texts are UTF-8, places in a text are counted in code points. A request that names no model is for the first one, or "
         "for the first that can do what is asked. Bodies may be compressed (`Content-Encoding: gzip`). Every answer has "
         "`x-request-id`: that of the request, or a new one.")


def document():
    paths = {}
    for dialect in DIALECTS:
        for (method, path), operation in dialect.operations.items():
            paths.setdefault(path, {})[method.lower()] = {"tags": [dialect.name], **operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "roberta serve", "version": "@PROJECT_VERSION@", "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        # Keys are an option of the server.
        "security": [{}, {"bearer": []}],
        "tags": [{"name": dialect.name, "description": dialect.about} for dialect in DIALECTS],
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
    print(f"{TARGET.name} is not what tools/make_openapi.py writes: run it, and change tools/openapi/ only")
    return 1


if __name__ == "__main__":
    sys.exit(main())
