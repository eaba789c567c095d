#!/usr/bin/env python3
"""Runs the commands of the documentation: every ```sh block of README.md and docs/*.md.

    tools/check_docs.py [--program build/bin/roberta] [--time-limit 120] [PAGE.md ...]

The blocks of a page run in order in one scratch directory that holds links to models/, configs/, examples/ and
deploy/, each with `sh -eu`, `roberta` on PATH and the port 3000 replaced by a free one. A block fails if it
exits with an error, exceeds the time limit or leaves a process running. A comment on the line before a fence
excludes its block:

    <!-- needs: hub -->             needs something that a checkout does not have
    <!-- not run: takes hours -->   cannot run in a scratch directory

Prints PAGE:LINE and the output of each failing block, then the excluded blocks. Exit code 1 if a block failed.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINKED = ("models", "configs", "examples", "deploy")
MARKER = re.compile(r"<!-- (needs: .+?|not run: .+?) -->$")
SYSTEM_COMMAND = re.compile(r"(?:^|[;&|(])\s*(sudo|docker|kubectl|systemctl|make)\b", re.MULTILINE)
FENCE = re.compile(r"^ {0,3}```(\w*)\s*$")


@dataclasses.dataclass
class Block:
    line: int  # of the fence, from 1
    language: str
    text: str
    marker: str  # "" if the block runs


def blocks_of(page):
    blocks, lines = [], page.read_text().splitlines()
    begin = None
    for i, line in enumerate(lines):
        fence = FENCE.match(line)
        if not fence:
            continue
        if begin is None:
            begin, language = i, fence.group(1)
        else:
            marker = MARKER.match(lines[begin - 1].strip()) if begin else None
            blocks.append(Block(begin + 1, language, "\n".join(lines[begin + 1:i]) + "\n", marker.group(1) if marker else ""))
            begin = None
    return blocks


def form_error(block):
    """Commands are written without prompts and output, so that they can be copied and run."""
    if block.language == "console":
        return "```console: put commands into a ```sh block and their output into a ```text block"
    if re.search(r"^\$ ", block.text, re.MULTILINE):
        return "the block has '$ ' prompts: put commands into a ```sh block and their output into a ```text block"
    if block.language == "sh" and not block.marker and (word := SYSTEM_COMMAND.search(block.text)):
        return f"the block calls {word.group(1)}, which changes the system: add a '<!-- not run: ... -->' comment before the fence"
    return ""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def end_group(group):
    """Terminates what is left of a process group. True if something was."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return number == signal.SIGKILL
        time.sleep(0.5)
    return True


def run(block, folder, environment, time_limit):
    """The error of a block, or an empty string."""
    port = str(free_port())
    text = re.sub(r"\b3000\b", port, block.text)
    environment = {**environment, "ROBERTA_PORT": port}
    with open(folder / ".output", "w+b") as output:
        process = subprocess.Popen(["sh", "-euc", text], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            error = "" if process.wait(time_limit) == 0 else f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            error = f"not finished after {time_limit} s"
        if end_group(process.pid) and not error:
            error = "a process is still running at the end of the block"
        process.wait()
        output.seek(0)
        shown = output.read().decode(errors="replace").strip().splitlines()[-15:]
    return "\n    ".join([error] + shown) if error else ""


def check_page(page, program, time_limit):
    errors, excluded, count = [], [], 0
    name = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
    with tempfile.TemporaryDirectory(prefix="check-docs-") as scratch:
        folder, tools = pathlib.Path(scratch, "page"), pathlib.Path(scratch, "bin")
        folder.mkdir()
        tools.mkdir()
        (tools / "roberta").symlink_to(program)
        for linked in LINKED:
            (folder / linked).symlink_to(ROOT / linked)
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
        for block in blocks_of(page):
            error = form_error(block)
            if not error and block.marker:
                excluded.append(f"{name}:{block.line}: {block.marker}")
                continue
            if not error and block.language == "sh":
                count += 1
                error = run(block, folder, environment, time_limit)
            if error:
                errors.append(f"{name}:{block.line}: {error}")
    print(f"{name}: {count} blocks run, {len(errors)} errors", flush=True)
    return errors, excluded


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/bin/roberta", type=pathlib.Path, help="the program to test")
    parser.add_argument("--time-limit", default=120, type=float, help="seconds for each block (default 120)")
    parser.add_argument("pages", nargs="*", type=pathlib.Path, help="pages to check; default: README.md and docs/*.md")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"check_docs: {program} is not an executable file; build it, or give --program")
    pages = [page.resolve() for page in arguments.pages] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    errors, excluded = [], []
    for page in pages:
        page_errors, page_excluded = check_page(page, program, arguments.time_limit)
        errors += page_errors
        excluded += page_excluded
    for error in errors:
        print(error)
    print(f"{len(excluded)} blocks are excluded:" if excluded else "no block is excluded")
    for entry in excluded:
        print(f"  {entry}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
