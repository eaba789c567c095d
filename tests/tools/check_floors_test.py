#!/usr/bin/env python3
"""The floor check must catch what it is for: each bad include below is reported, the good ones are not."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).parents[2] / "tools" / "check_floors.py"
FILES = ["src/core/error.h", "src/io/file.h", "src/device/ops.h", "src/backend/backend.h", "src/backend/cpu/gemm.h",
         "src/backend/ref/gemm.h", "src/runtime/open.h", "src/text/bpe.h", "src/model/encoder.h", "src/infer/engine.h",
         "src/api/impl.h", "include/roberta/model.h", "cli/commands.h", "bench/bench.h"]
GOOD = [("src/io/a.cc", "core/error.h"), ("src/device/a.cc", "core/error.h"), ("src/core/a.cc", "roberta/model.h"),
        ("src/backend/cpu/a.cc", "backend/backend.h"), ("src/backend/cpu/a.cc", "gemm.h"),
        ("src/runtime/a.cc", "backend/cpu/gemm.h"), ("src/model/a.cc", "device/ops.h"), ("src/infer/a.cc", "model/encoder.h"),
        ("src/api/a.cc", "infer/engine.h"), ("cli/a.cc", "roberta/model.h"), ("cli/a.cc", "commands.h")]
BAD = [("src/core/a.cc", "io/file.h"), ("src/io/a.cc", "device/ops.h"), ("src/device/a.cc", "backend/backend.h"),
       ("src/backend/cpu/a.cc", "backend/ref/gemm.h"), ("src/text/a.cc", "runtime/open.h"),
       ("src/model/a.cc", "text/bpe.h"), ("src/model/a.cc", "backend/backend.h"), ("src/infer/a.cc", "backend/backend.h"),
       ("src/infer/a.cc", "api/impl.h"), ("src/api/a.cc", "../cli/commands.h"), ("src/api/a.cc", "cli/commands.h"),
       ("src/model/a.cc", "bench/bench.h"), ("src/model/a.cc", "model/missing.h")]


def run(source, include):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("#include <vector>\n")
        (root / source).write_text(f'#include <vector>\n#include "{include}"\n')
        done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        return done.returncode, done.stdout


failed = 0
for cases, expected in ((GOOD, 0), (BAD, 1)):
    for source, include in cases:
        code, output = run(source, include)
        named = expected == 0 or f"{source}:2:" in output
        if code != expected or not named:
            failed += 1
            print(f"FAILED {source} including {include}: exit {code}, expected {expected}\n{output}")
print(f"{len(GOOD) + len(BAD)} cases, {failed} failed")
sys.exit(1 if failed else 0)
