#!/usr/bin/env python3
"""Seeds of the fuzz targets safetensors, config and checkpoint: fuzz/corpus/NAME/. Uses Python alone."""
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


def main():
    wanted = re.compile(r"^(plain|metadata|dtype (F4, even|BF16)|tensor as a list|shape \[0\]|2\^40|unknown field$|depth 127$|"
                        r"escaped name|surrogate pair|out of order|tensor twice|hole|overlap|length 2)")
    write("safetensors", [(name, content) for name, content, _ in battery.cases() if wanted.match(name)] + [("three", battery.base_file())])
    write("config", configs())
    write("checkpoint", checkpoints())


if __name__ == "__main__":
    main()
