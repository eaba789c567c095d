"""The rows of bench.py and train.py as Markdown tables, and their place in docs/performance.md."""
import json
import math
import pathlib
import subprocess
import sys

CEILING = {"float32": "fp32_avx512", "bfloat16": "bf16_avx512"}


class Rows(list):
    """The rows of one run: printed as JSON lines as they come."""

    def emit(self, **row):
        self.append(row)
        print(json.dumps(row), flush=True)

    def of(self, part):
        return [row for row in self if row["part"] == part]

    def machine(self, arguments):
        """The last row: what was measured on, and how."""
        facts = subprocess.run([f"{arguments.build}/bin/bench_ceiling", "1"], check=True, capture_output=True, text=True).stdout
        self.emit(part="machine", threads=arguments.threads, cpu_time=getattr(arguments, "cpu_time", False), **json.loads(facts.splitlines()[0]))


def facts(rows, part):
    """The line above a table: machine and, where the part's rows tell them, the baseline's versions."""
    machine, some = rows.of("machine")[0], (rows.of(part) or [{}])[0]
    versions = f"; transformers {some['version']}, torch {some['torch']}" if "torch" in some else ""
    return f"{machine['cpu']}, {machine['cores']} cores; {machine['threads']} threads{', by CPU time' if machine['cpu_time'] else ''}{versions}.\n\n"


def publish(text, arguments, mark):
    print(text)
    if arguments.update:
        update(pathlib.Path(arguments.update), text, mark)


def table(title, heads, rows):
    if not rows:
        return ""
    lines = [f"### {title}\n", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def times(spread, digits=1):
    return f"**{spread['median']:.{digits}f}** ({spread['min']:.{digits}f} .. {spread['max']:.{digits}f})"


def pairs(row):
    note = "" if row["clean"] else " (dirty ones counted)"
    return f"{row['pairs']}, {row['dirty']} dirty{note}"


def ratio(row):
    return f"**{row['ratio']:.2f}**"


def forward(rows, ceilings, ceiling_of):
    out = []
    for r in rows:
        rate = r["gflop"] / r["ours"]["median"] * 1e3
        top = ceilings.get(ceiling_of(r)) or ceilings.get("fp32_avx2")
        part = f"{100 * rate / top:.0f} %" if top else "-"
        out.append([r["dtype"], r["shape"], times(r["ours"]), r["baseline"], times(r["theirs"]), ratio(r), pairs(r),
                    f"{rate:.0f}", part])
    return out


def gemm(rows):
    out = []
    for dtype in dict.fromkeys(r["dtype"] for r in rows):
        for m in [*dict.fromkeys(r["m"] for r in rows), "all"]:
            some = [r for r in rows if r["dtype"] == dtype and m in (r["m"], "all")]

            def mean(values):
                return math.exp(sum(math.log(v) for v in values) / len(some))
            rates = [mean(r["gflop"] / r[side]["median"] * 1e3 for r in some) for side in ("ours", "theirs")]
            ratios = [r["ratio"] for r in some]
            out.append([dtype, m, len(some), *(f"{x:.0f}" for x in rates), f"**{mean(ratios):.2f}**",
                        f"{min(ratios):.2f} .. {max(ratios):.2f}", sum(r["dirty"] for r in some)])
    return out


def markdown(rows):
    parts = {}
    for row in rows:
        parts.setdefault(row["part"], []).append(row)
    machine = parts["machine"][0]
    ceilings = machine["ceilings_gflops"]
    versions = ", ".join(dict.fromkeys(f"{r['baseline'].split('_')[0]} {r['version']}" for r in parts.get("baseline", [])))
    heads = ["dtype", "shape", "ours ms", "baseline", "baseline ms", "ratio", "pairs", "GFLOP/s", "of peak"]
    text = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; gcc {machine['compiler']}; "
            f"{machine['threads']} threads{', real-time priority' if machine['realtime'] else ''}. Measured peak, GFLOP/s: "
            + ", ".join(f"{k} {v:.0f}" for k, v in ceilings.items()) + f". {'Baselines: ' + versions + '.' if versions else ''}\n"]
    text.append(table("Forward pass against the fastest baseline", heads,
                      forward(parts.get("infer", []), ceilings, lambda r: CEILING[r["dtype"]])))
    text.append(table("AVX2 alone", heads, forward(parts.get("avx2", []), ceilings, lambda r: "fp32_avx2")))
    text.append(table("Peak memory at 1x128", ["dtype", "peak MB", "weights MB", "limit: 1.15 x weights + 64 MB"],
                      [[r["dtype"], r["peak_mb"], r["weights_mb"], r["limit_mb"]] for r in parts.get("memory", [])]))
    text.append(table("Process start to first answer", ["what", "seconds", "runs"],
                      [[r["what"], times(r["seconds"], 3), r["runs"]] for r in parts.get("cold", [])]))
    text.append(table("GEMM against oneDNN", ["dtype", "rows", "shapes", "ours GFLOP/s", "oneDNN GFLOP/s", "ratio",
                                              "ratio by shape", "dirty"], gemm(parts.get("gemm", []))))
    text.append(table("Agreement of the logits at the mask", ["dtype", "baseline", "cosine", "largest difference"],
                      [[r["dtype"], r["baseline"], r["cosine"], f"{r['largest_difference']:.1e}"]
                       for r in parts.get("agreement", [])]))
    return "\n".join(t for t in text if t)


def training(rows):
    machine = next(r for r in rows if r["part"] == "machine")
    ceilings = machine["ceilings_gflops"]
    version = next(r["version"] for r in rows if r["part"] == "train_quick")
    out = []
    for r in (r for r in rows if r["part"] == "train"):
        rate = r["gflop"] / r["ours"]["median"] * 1e3
        top = ceilings.get(CEILING[r["dtype"]]) or ceilings.get("fp32_avx2")
        out.append([r["config"], r["dtype"], times(r["ours"], 0), f"{r['tokens_per_s']:.0f}", f"{100 * rate / top:.0f} %",
                    r["head"], r["baseline"], times(r["theirs"], 0), f"{r['baseline_tokens_per_s']:.0f}", ratio(r), pairs(r),
                    f"{r['peak_mb'] or 0:.0f} / {r['baseline_peak_mb'] or 0:.0f}"])
    facts = (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; gcc {machine['compiler']}; "
             f"{machine['threads']} threads{', by CPU time' if machine['cpu_time'] else ''}; torch {version}. Measured peak, GFLOP/s: "
             + ", ".join(f"{k} {v:.0f}" for k, v in ceilings.items()) + ".\n\n")
    return facts + table("A training step against PyTorch", [
        "shape", "dtype", "ours ms", "tokens/s", "of peak", "its head on", "baseline", "baseline ms", "tokens/s", "ratio", "pairs",
        "peak MB, ours / baseline"], out)


def update(path, text, mark="bench"):
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    page = path.read_text()
    before, rest = page.split(begin)
    path.write_text(f"{before}{begin}\n{text}{end}{rest.split(end)[1]}")


def main():
    """report.py PAGE OUTPUT...: the page's tables from what several runs of bench.py printed; a later run's part replaces an
    earlier one's, the ceilings are the first run's."""
    page, *outputs = (pathlib.Path(a) for a in sys.argv[1:])
    rows = []
    for output in outputs:
        new = [json.loads(line) for line in output.read_text().splitlines() if line.startswith('{"part"')]
        parts = {r["part"] for r in new} - {"machine", "baseline"}
        rows = [r for r in rows if r["part"] not in parts] + new
    update(page, markdown(rows))


if __name__ == "__main__":
    main()
