"""The rows of bench.py as Markdown tables, and their place in docs/performance.md."""
import json
import math
import pathlib
import sys

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
CEILING = {"float32": "fp32_avx512", "bfloat16": "bf16_avx512"}


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
        out.append([r["dtype"], r["shape"], times(r["ours"]), r["peer"], times(r["theirs"]), ratio(r), pairs(r),
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
    versions = ", ".join(dict.fromkeys(f"{r['peer'].split('_')[0]} {r['version']}" for r in parts.get("peer", [])))
    heads = ["dtype", "shape", "ours ms", "peer", "peer ms", "ratio", "pairs", "GFLOP/s", "of peak"]
    text = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; gcc {machine['compiler']}; "
            f"{machine['threads']} threads{', real-time priority' if machine['realtime'] else ''}. Measured peak, GFLOP/s: "
            + ", ".join(f"{k} {v:.0f}" for k, v in ceilings.items()) + f". {'Peers: ' + versions + '.' if versions else ''}\n"]
    text.append(table("Forward pass against the fastest peer", heads,
                      forward(parts.get("infer", []), ceilings, lambda r: CEILING[r["dtype"]])))
    text.append(table("AVX2 alone", heads, forward(parts.get("avx2", []), ceilings, lambda r: "fp32_avx2")))
    text.append(table("Peak memory at 1x128", ["dtype", "peak MB", "weights MB", "limit: 1.15 x weights + 64 MB"],
                      [[r["dtype"], r["peak_mb"], r["weights_mb"], r["limit_mb"]] for r in parts.get("memory", [])]))
    text.append(table("Process start to first answer", ["what", "seconds", "runs"],
                      [[r["what"], times(r["seconds"], 3), r["runs"]] for r in parts.get("cold", [])]))
    text.append(table("GEMM against oneDNN", ["dtype", "rows", "shapes", "ours GFLOP/s", "oneDNN GFLOP/s", "ratio",
                                              "ratio by shape", "dirty"], gemm(parts.get("gemm", []))))
    text.append(table("Agreement of the logits at the mask", ["dtype", "peer", "cosine", "largest difference"],
                      [[r["dtype"], r["peer"], r["cosine"], f"{r['largest_difference']:.1e}"]
                       for r in parts.get("agreement", [])]))
    return "\n".join(t for t in text if t)


def update(path, text):
    page = path.read_text()
    before, rest = page.split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}")


def main():
    """report.py PAGE OUTPUT...: the page's tables from what several runs of bench.py printed; a later run's part replaces an
    earlier one's, the ceilings are the first run's."""
    page, *outputs = (pathlib.Path(a) for a in sys.argv[1:])
    rows = []
    for output in outputs:
        new = [json.loads(line) for line in output.read_text().splitlines() if line.startswith('{"part"')]
        parts = {r["part"] for r in new} - {"machine", "peer"}
        rows = [r for r in rows if r["part"] not in parts] + new
    update(page, markdown(rows))


if __name__ == "__main__":
    main()
