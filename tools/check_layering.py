#!/usr/bin/env python3
"""Reads the includes of src/, include/, server/, cli/ and bench/ and fails, with file:line and the rule, where one goes up or
sideways, or where a folder holds more than 25 names.

    tools/check_layering.py [ROOT]    check
    tools/check_layering.py --table   print the table of layers of ARCHITECTURE.md
    tools/check_layering.py --update  write that table into ARCHITECTURE.md
"""
import collections
import pathlib
import re
import sys

# Layer -> its modules with what they hold. A file belongs to the longest module that is a prefix of its path; it sees its own
# module and the layers below. include/roberta (plain types of the contract) is seen from anywhere.
LAYERS = [
    {"src/core": "errors, element types, arena, threads, random numbers, strings and UTF-8"},
    {"src/io": "files, streams, archives, safetensors, `json/`",
     "src/device": "the contracts of backends (`ops.h`, `device.h`) and of transports (`comm.h`)"},
    {"src/backend": "`cpu/` the fast one (`kernels/`, `ops/`); `ref/` plain loops: the readable specification and the oracle of the tests",
     "src/comm": "transports: `local/` one process, `mpi/` several (a module of its own)"},
    {"src/runtime": "opens a device and a transport: the only code that names one",
     "src/text": "`tokenizer/`, its `trainer/`, `unicode/`"},
    {"src/model": "configuration, parameters, objective; `layers/` and `heads/`, each with its backward pass; `weights/`: checkpoint, load, adapter"},
    {"src/data": "raw text to shards, the shards as samples, their order, masking"},
    {"src/tasks": "`readers/` of files, `datasets/`, features (texts to model input), `decoding/` (logits to predictions), `metrics/`",
     "src/convert": "casts, merges, foreign formats"},
    {"src/infer": "engine and batcher: cut work into batches, plan memory, run the model",
     "src/train": "parameters with gradients and moments, optimizer, step, loop, checkpoints, logs"},
    {"src/api": "what stands behind the public API: `pipelines/`, `evaluate/`, `finetune/`, `pretrain/`, `plan/`, `directory/`, `report/`",
     "include/roberta": "the public API"},
    {"server/core": "requests without sockets: routes, auth, admission, registry of models, metrics"},
    {"server/http": "sockets, HTTP/1.1",
     "server/tasks": "what a request asks of a model, whatever its protocol"},
    {"server/protocols": "`tei/`, `openai/`, `azure/`, `kserve/`, `pipelines/`: routes and JSON of each",
     "server/ui": "the page"},
    {"server/protocols/platforms": "routes that are aliases of other protocols' (SageMaker, Vertex AI, MLflow)",
     "python": "bindings"},
    {"cli/settings": "options, environment, YAML, help"},
    {"cli/io": "terminal, logs, rows in and out, signals"},
    {"cli/commands": "`data/`, `train/`, `evaluate/`, `infer/`, `serve/`, `tools/`"},
    {"cli": "`main.cc`: the program",
     "bench": "benchmarks: `kernels/`, `end_to_end/`"},
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}
SIDEWAYS = {("src/api", "include/roberta")}
# Stricter than the layers: what these modules may see, and who may see these modules.
ONLY_SEES = {"src/model": {"src/core", "src/io", "src/device"}}
ONLY_SEEN_BY = {"src/backend": {"src/runtime", "bench"}, "src/comm": {"src/runtime"},
                # The table of commands names each; nothing else does.
                "cli/commands": {"cli"}}
# Their folders don't see one another: src/backend/cpu must not see src/backend/ref.
SUITES = ("src/backend", "src/comm", "server/protocols", "cli/commands")
MAX_NAMES = 25  # in a folder; a .cc and its .h count once

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(roberta/[^>]+)>)')
SUFFIXES = {".h", ".cc", ".cu", ".cuh", ".inc", ".cpp", ".hpp"}
TABLE = re.compile(r"(?<=<!-- layers: tools/check_layering.py --update -->\n).*?(?=<!-- end of layers -->)", re.S)


def module_of(path):
    for depth in range(len(path.parts) - 1, 0, -1):
        module = "/".join(path.parts[:depth])
        if module in LEVEL:
            return module
    return None


def member_of(path):
    """The folder of a suite that a file lives in; None for one directly in it (shared by all)."""
    for suite in SUITES:
        depth = len(suite.split("/"))
        if "/".join(path.parts[:depth]) == suite and len(path.parts) > depth + 1:
            return path.parts[depth]
    return None


def resolve(root, name):
    for base in ("src", "include", ""):
        if (root / base / name).is_file():
            return pathlib.Path(base) / name
    return None


def verdict(path, target):
    """Why `path` must not include `target`; None when it may."""
    here, there = module_of(path), module_of(target)
    if there == "include/roberta":
        return None
    if there is None:
        return f"{target.parts[0]}/ is in no layer"
    if here == there:
        if member_of(target) not in (None, member_of(path)):
            return f"{path.parent} must not see its neighbour {target.parent}"
        return None
    if (here, there) in SIDEWAYS:
        return None
    if here in ONLY_SEES and there not in ONLY_SEES[here]:
        return f"{here} sees only {', '.join(sorted(ONLY_SEES[here]))}"
    if there in ONLY_SEEN_BY and here not in ONLY_SEEN_BY[there]:
        return f"{there} is seen only by {', '.join(sorted(ONLY_SEEN_BY[there]))}"
    if LEVEL[there] > LEVEL[here]:
        return f"up: {here} is in layer {LEVEL[here]}, {there} in layer {LEVEL[there]}"
    if LEVEL[there] == LEVEL[here]:
        return f"sideways: {here} and {there} are both in layer {LEVEL[here]}"
    return None


def table():
    rows = ["| layer | modules |", "|---|---|"]
    for level in range(len(LAYERS) - 1, -1, -1):
        rows.append(f"| {level} | " + ". ".join(f"`{module}/` {what}" for module, what in LAYERS[level].items()) + " |")
    return "\n".join(rows) + "\n"


def check_includes(root):
    files, problems = 0, []
    for top in sorted({module.split("/")[0] for module in LEVEL}):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SUFFIXES:
                continue
            files += 1
            path = file.relative_to(root)
            if module_of(path) is None:
                problems.append(f"{path}:1: {path.parent} is in no layer; add it to tools/check_layering.py")
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                name = found[1] or found[2]
                target = resolve(root, name)
                if ".." in name:
                    why = "write includes from src/, include/ or the root, without '..'"
                elif target is None:
                    why = "no such file from src/, include/ or the root; other libraries are included with <>"
                else:
                    why = verdict(path, target)
                if why:
                    problems.append(f'{path}:{number}: "{name}": {why}')
    return files, problems


def check_folders(root):
    names = collections.defaultdict(set)
    for top in ("src", "include", "server", "cli", "bench", "tests", "tools"):
        for file in (root / top).rglob("*"):
            if file.suffix in SUFFIXES | {".py"}:
                names[file.parent.relative_to(root)].add(file.stem)
    problems = [f"{folder}: {len(found)} names; at most {MAX_NAMES} in a folder" for folder, found in sorted(names.items())
                if len(found) > MAX_NAMES]
    largest = max(names, key=lambda folder: len(names[folder]), default=None)
    return problems, f"largest folder {largest} with {len(names[largest])} names" if largest else "no folders"


def check_table(root):
    page = root / "ARCHITECTURE.md"
    if not page.is_file():
        return []
    found = TABLE.search(page.read_text(encoding="utf-8"))
    if found and found[0] == table():
        return []
    return ["ARCHITECTURE.md: its table of layers is not that of tools/check_layering.py; run tools/check_layering.py --update"]


def main():
    arguments = sys.argv[1:]
    root = pathlib.Path(__file__).resolve().parent.parent
    if arguments == ["--table"]:
        print(table(), end="")
        return 0
    if arguments == ["--update"]:
        page = root / "ARCHITECTURE.md"
        page.write_text(TABLE.sub(lambda _: table(), page.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    if arguments:
        root = pathlib.Path(arguments[0])
    files, problems = check_includes(root)
    too_large, largest = check_folders(root)
    problems += too_large + check_table(root)
    print("\n".join(problems), end="\n" if problems else "")
    print(f"check_layering: {files} files, {len(problems)} violations; {largest}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
