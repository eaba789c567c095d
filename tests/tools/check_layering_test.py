#!/usr/bin/env python3
"""check_layering must catch what it is for: each bad include below is reported, the good ones are not; so are 26 names in a folder."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).parents[2] / "tools" / "check_layering.py"
FILES = ["src/core/error.h", "src/io/file.h", "src/device/ops.h", "src/backend/backend.h", "src/backend/cpu/gemm.h",
         "src/backend/ref/gemm.h", "src/runtime/open.h", "src/text/tokenizer/bpe.h", "src/model/layers/encoder.h", "src/infer/engine.h",
         "src/api/impl.h", "include/roberta/model.h", "server/core/route.h", "server/http/socket.h", "server/tasks/task.h",
         "server/protocols/tei/tei.h", "cli/settings/settings.h", "cli/io/log.h", "cli/commands/data/sets.h", "bench/harness.h"]
GOOD = [("src/io/a.cc", "core/error.h"), ("src/device/a.cc", "core/error.h"), ("src/core/a.cc", "roberta/model.h"),
        ("src/backend/cpu/a.cc", "backend/backend.h"), ("src/backend/cpu/ops/a.cc", "backend/cpu/gemm.h"),
        ("src/runtime/a.cc", "backend/cpu/gemm.h"), ("src/model/a.cc", "device/ops.h"), ("src/model/weights/a.cc", "model/layers/encoder.h"),
        ("src/infer/a.cc", "model/layers/encoder.h"), ("src/api/a.cc", "infer/engine.h"), ("server/http/a.cc", "server/core/route.h"),
        ("server/protocols/platforms/a.cc", "server/protocols/tei/tei.h"), ("cli/io/a.cc", "cli/settings/settings.h"),
        ("cli/commands/data/a.cc", "cli/commands/data/sets.h"), ("cli/a.cc", "roberta/model.h"), ("bench/a.cc", "backend/cpu/gemm.h")]
BAD = [("src/core/a.cc", "io/file.h"), ("src/io/a.cc", "device/ops.h"), ("src/device/a.cc", "backend/backend.h"),
       ("src/backend/cpu/a.cc", "backend/ref/gemm.h"), ("src/backend/cpu/ops/a.cc", "gemm.h"), ("src/text/a.cc", "runtime/open.h"),
       ("src/model/a.cc", "text/tokenizer/bpe.h"), ("src/model/a.cc", "backend/backend.h"), ("src/infer/a.cc", "backend/backend.h"),
       ("src/infer/a.cc", "api/impl.h"), ("src/api/a.cc", "../cli/io/log.h"), ("src/api/a.cc", "cli/settings/settings.h"),
       ("src/model/a.cc", "bench/harness.h"), ("src/model/a.cc", "model/missing.h"), ("server/core/a.cc", "server/http/socket.h"),
       ("server/tasks/a.cc", "server/protocols/tei/tei.h"), ("server/protocols/azure/a.cc", "server/protocols/tei/tei.h"),
       ("server/core/a.cc", "cli/io/log.h"), ("cli/settings/a.cc", "cli/io/log.h"), ("cli/io/a.cc", "cli/commands/data/sets.h"),
       ("cli/commands/train/a.cc", "cli/commands/data/sets.h"), ("src/unknown/a.cc", "core/error.h")]


def run(source, include):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("#include <vector>\n")
        (root / source).parent.mkdir(parents=True, exist_ok=True)
        (root / source).write_text(f'#include <vector>\n#include "{include}"\n')
        done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        return done.returncode, done.stdout


failed = 0
for cases, expected in ((GOOD, 0), (BAD, 1)):
    for source, include in cases:
        code, output = run(source, include)
        named = expected == 0 or f"{source}:" in output
        if code != expected or not named:
            failed += 1
            print(f"FAILED {source} including {include}: exit {code}, expected {expected}\n{output}")
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "src/core").mkdir(parents=True)
    for number, expected in ((25, 0), (26, 1)):
        for name in range(number):
            (pathlib.Path(folder) / f"src/core/a{name}.h").write_text("")
        done = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True)
        if done.returncode != expected:
            failed += 1
            print(f"FAILED {number} names in a folder: exit {done.returncode}, expected {expected}\n{done.stdout}")
print(f"{len(GOOD) + len(BAD)} cases, {failed} failed")
sys.exit(1 if failed else 0)
