#!/usr/bin/env python3
"""Seeds of the fuzz targets safetensors, config, checkpoint, text_data, token_data and squad: fuzz/corpus/NAME/. Uses Python
alone."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_safetensors_battery as battery  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")

BASE = {"architectures": ["RobertaForMaskedLM"], "model_type": "roberta", "vocab_size": 50265, "hidden_size": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 514,
        "type_vocab_size": 1, "layer_norm_eps": 1e-05, "hidden_act": "gelu", "pad_token_id": 1}


def write(name, seeds):
    folder = os.path.join(ROOT, name)
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        os.remove(os.path.join(folder, old))
    for title, content in seeds:
        with open(os.path.join(folder, re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")), "wb") as out:
            out.write(content)
    print(name, len(os.listdir(folder)), "seeds")


def configs():
    yield "base", json.dumps(BASE).encode()
    yield "minimal", b'{"model_type": "roberta"}'
    yield "labels", json.dumps({**BASE, "id2label": {"0": "a", "1": "b"}, "problem_type": "regression"}).encode()
    yield "dtype", json.dumps({**BASE, "torch_dtype": "bfloat16", "classifier_dropout": None, "pruned_heads": {}}).encode()
    yield "relative", json.dumps({**BASE, "model_type": "xlm-roberta"}).encode()
    for value in ("-1", "2147483648", "9223372036854775808", "1e400", "1.5", "0"):
        for field in ("vocab_size", "hidden_size", "pad_token_id"):
            yield f"{field} {value}", json.dumps({**BASE, field: "@"}).replace('"@"', value).encode()


def checkpoints():
    shard = battery.base_file()
    yield "one shard", b'{"weight_map": {"bias": "s", "embeddings.weight": "s"}}\n' + shard
    yield "unknown tensor", b'{"metadata": {"total_size": 64}, "weight_map": {"x": "s"}}\n' + shard
    yield "path", b'{"weight_map": {"bias": "../s"}}\n' + shard
    yield "absolute", b'{"weight_map": {"bias": "/etc/passwd"}}\n' + shard
    yield "self", b'{"weight_map": {"bias": "model.safetensors.index.json"}}\n' + shard


def text_data():
    """The first byte: 0-3 .tsv, .csv, .jsonl, none; + 4 pairs, + 8 values, + 16 sets, + 32 no header, + 64 unlabelled, + 128 drop."""
    yield "tsv", b"\0a\tlabel\none \"two\"\tx\nthree\ty\n"
    yield "tsv broken rows", b"\x80a\tlabel\none\ntwo\tx\n"
    yield "no header", b"\x24one\ttwo\t1\n"
    yield "csv", b'\x01\xef\xbb\xbfa,label\r\n"one, ""two""\r\nthree",x\r\n\r\n'
    yield "csv values", b"\x09a,label\none,0.5\ntwo,-1e3\n"
    yield "csv pairs sets", b'\x15a,b,label\none,two,"x, y"\nthree,four,\n'
    yield "json lines", b'\x02{"a": "one", "label": 1}\n{"label": "x", "a": "\\u00e9"}\n'
    yield "json array", b'\x13[{"a": "one", "label": ["x", 2]},\n {"a": "", "label": []}]'
    yield "unlabelled", b"\x43a\tlabel\none\t-1\n"


def token_data():
    """The first byte: 0-3 .conll, .jsonl, -, .txt; + 4 iob1, 8 iob2, 12 none; + 16 unlabelled; + 32 n the tag's column."""
    yield "conll", b"\0-DOCSTART- O\n\nEU NNP B-ORG\nx NNP O\r\n\nPeter NNP I-PER\n"
    yield "tabs", b"\x08New York\tB-loc\n,\tI-loc\n\nx\tO"
    yield "iob1", b"\x04a I-x\nb B-x\nc O\n"
    yield "no chunks", b"\x4ca DT\nb NN\n"
    yield "unlabelled", b"\x10a\nb\n\nc\n"
    yield "json lines", b'\x01{"t": ["a", "b"], "g": ["B-x", "I-x"]}\n{"t": ["c"], "g": ["O"]}\n'
    yield "json array", b'\x02[{"t": ["a"], "g": ["I-x"]}]'


def squad():
    """The first byte: 1 training, + 2 offsets must be right, + 4 one question."""
    def whole(context, *questions):
        return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(questions)}]}]}).encode()
    right = {"id": "1", "question": "?", "answers": [{"text": "caf\u00e9", "answer_start": 2}]}
    moved = {"id": "2", "question": "?", "answers": [{"text": "a", "answer_start": 9}, {"text": "x", "answer_start": -1}]}
    impossible = {"id": "3", "question": "?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "a", "answer_start": 0}]}
    yield "training", b"\1" + whole("A caf\u00e9 a", right, moved, impossible)
    yield "dev", b"\0" + whole("A caf\u00e9 a", right, moved, impossible)
    yield "strict", b"\3" + whole("A caf\u00e9 a", right, impossible)
    yield "one", b"\4" + whole("A caf\u00e9 a", moved, impossible)
    yield "behind", b'\1{"data": [{"paragraphs": [{"qas": [{"question": "?", "id": "1", "answers": [{"answer_start": 0, "text": "a"}]}], "context": "a"}]}]}'


def main():
    wanted = re.compile(r"^(plain|metadata|dtype (F4, even|BF16)|tensor as a list|shape \[0\]|2\^40|unknown field$|depth 127$|"
                        r"escaped name|surrogate pair|out of order|tensor twice|hole|overlap|length 2)")
    write("safetensors", [(name, content) for name, content, _ in battery.cases() if wanted.match(name)] + [("three", battery.base_file())])
    write("config", configs())
    write("checkpoint", checkpoints())
    write("text_data", text_data())
    write("token_data", token_data())
    write("squad", squad())


if __name__ == "__main__":
    main()
