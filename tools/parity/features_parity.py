#!/usr/bin/env python3
"""Features of all of SQuAD's dev sets and WNUT-17 against run_qa's and run_ner's preparation, with RoBERTa's tokenizer.

    tools/parity/features_parity.py

Every window's ids, offsets, targets and max-context flags, every token's label: 0 differences. Files are read here by json and
by splitting lines, so the readers are compared too. make_task_goldens.py says where run_qa is departed from.
"""
import json
import os
import subprocess
import sys

os.environ.setdefault("RUST_BACKTRACE", "0")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import make_task_goldens as preparation  # noqa: E402
from probe import BUILD, shared_data  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from tokenizers import ByteLevelBPETokenizer  # noqa: E402
from tokenizers.processors import RobertaProcessing  # noqa: E402


def load(folder, prefix):
    bpe = ByteLevelBPETokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt", add_prefix_space=prefix)._tokenizer
    bpe.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=prefix)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>")


def ours(*arguments):
    done = subprocess.run([BUILD / "tests/features_probe", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"features_probe: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def compare(name, got, want):
    bad = [(a, b) for a, b in zip(got, want) if a != b]
    for a, b in bad[:3]:
        print(f"{name}:\n  ours   {str(a)[:400]}\n  theirs {str(b)[:400]}")
    if len(got) != len(want):
        print(f"{name}: {len(got)} features instead of {len(want)}")
    print(f"{name}: {len(want)} features, {len(bad)} differ")
    return len(bad) + abs(len(got) - len(want)), len(want)


def squad(tokenizer, folder, file, max_length, stride):
    text = subprocess.run(["zstd", "-dcq", file], capture_output=True, check=True).stdout
    data = json.loads(text)
    ids = [q["id"] for a in data["data"] for p in a["paragraphs"] for q in p["qas"]]
    want = [[ids[w["example"]], w["ids"], w["context"][0], w["offsets"], w["targets"], w["best"]]
            for w in preparation.squad_windows(tokenizer, data, max_length, stride)]
    fitting = {row[0] for row in want}  # the library panics at the others
    got = [row for row in ours("squad", folder, file, max_length, stride) if row[0] in fitting]
    return compare(f"{os.path.basename(file)} {max_length}/{stride}, {len(fitting)} of {len(ids)} questions", got, want)


def sentences_of(file):
    sentence = []
    for line in [*open(file, encoding="utf-8", newline="\n"), ""]:
        if line.strip():
            sentence.append(line.rstrip("\r\n").split("\t"))
        elif sentence:
            yield [w.strip() for w, _ in sentence], [t.strip() for _, t in sentence]
            sentence = []


def tags(tokenizer, folder, file, label_all):
    sentences = list(sentences_of(file))
    types = sorted({t[2:] for _, tags in sentences for t in tags if t != "O"})
    preparation.LABELS[:] = ["O"] + [f"{p}-{t}" for t in types for p in "BI"]
    want = []
    for i, (words, names) in enumerate(sentences):
        a = preparation.aligned(tokenizer, words, names, label_all)
        rows = [k for k, label in enumerate(a["labels"]) if label != -100]
        want.append([i, a["ids"], rows, [a["labels"][k] for k in rows]])
    cut = [i for i, row in enumerate(want) if len(row[1]) == 128]  # they truncate, ours makes windows
    got = [row for row in ours("tags", folder, file, 128, int(label_all)) if row[0] not in cut]
    want = [row for row in want if row[0] not in cut]
    return compare(f"{os.path.basename(file)} label_all={label_all}", got, want)


def main():
    bpe, files, words = shared_data("roberta_bpe"), shared_data("squad"), shared_data("wnut17")
    if not (bpe and files and words):
        return print("skipped: no data")
    plain, prefixed = load(bpe, False), load(bpe, True)
    results = [squad(plain, bpe, files / name, *limits)
               for name in ("dev-v1.1.json.zst", "dev-v2.0.json.zst") for limits in ((384, 128), (96, 24))]
    results += [tags(prefixed, bpe, words / name, label_all)
                for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated") for label_all in (False, True)]
    print(f"{sum(n for _, n in results)} features, {sum(bad for bad, _ in results)} differ")
    sys.exit(any(bad for bad, _ in results))


if __name__ == "__main__":
    main()
