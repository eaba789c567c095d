"""Models of a few hundred kilobytes for each task, with random weights and the tokenizer of the included model: their predictions
are meaningless, but have the shape of real ones."""
import array
import json
import math
import pathlib
import random
import struct
import subprocess

from server import SMALL

WIDTH = 32
HEADS = {  # name: architecture, labels, tensors of the head
    "nli": ("RobertaForSequenceClassification", ["contradiction", "neutral", "entailment"],
            {"classifier.dense.weight": (WIDTH, WIDTH), "classifier.dense.bias": (WIDTH,), "classifier.out_proj.weight": (3, WIDTH),
             "classifier.out_proj.bias": (3,)}),
    "names": ("RobertaForTokenClassification", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], {"classifier.weight": (5, WIDTH), "classifier.bias": (5,)}),
    "answers": ("RobertaForQuestionAnswering", None, {"qa_outputs.weight": (2, WIDTH), "qa_outputs.bias": (2,)}),
    "ranks": ("RobertaForSequenceClassification", ["relevant"],
              {"classifier.dense.weight": (WIDTH, WIDTH), "classifier.dense.bias": (WIDTH,), "classifier.out_proj.weight": (1, WIDTH),
               "classifier.out_proj.bias": (1,)}),
}


def read_tensors(path):
    """{name: (header, bytes)} of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    return {name: (entry, body[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def write_tensors(path, tensors):
    header, at = {}, 0
    for name, (entry, data) in tensors.items():
        header[name] = {**entry, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))


def make_models(program, folder):
    """Creates them in `folder`; {name: directory}."""
    made, rng = {}, random.Random(7)
    for name, (architecture, labels, head) in HEADS.items():
        directory = made[name] = pathlib.Path(folder, name)
        subprocess.run([program, "init", "-q", "--output", directory, "--tokenizer", SMALL, "--hidden-size", str(WIDTH), "--num-hidden-layers", "1",
                        "--num-attention-heads", "2", "--max-position-embeddings", "258", "--initializer-range", "0.3"], check=True)
        config = json.loads((directory / "config.json").read_text())
        config["architectures"] = [architecture]
        if labels:
            config |= {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}, "num_labels": len(labels)}
        (directory / "config.json").write_text(json.dumps(config))
        tensors = {key: value for key, value in read_tensors(directory / "model.safetensors").items() if not key.startswith("lm_head")}
        for key, shape in head.items():
            values = array.array("f", (rng.gauss(0, 0.7) for _ in range(math.prod(shape))))
            tensors[key] = {"dtype": "F32", "shape": list(shape)}, values.tobytes()
        write_tensors(directory / "model.safetensors", tensors)
    return made
