#!/usr/bin/env python3
"""One baseline, ready to run: `baselines.py PEER THREADS` loads roberta-base and obeys the same orders as bench_infer does.

Runs under PEERS/venv/bin/python. After the model is loaded it prints {"baseline": ..., "version": ...}; then each line of
stdin is one order: a shape (1x128, mixed32) is run once and answered by its milliseconds, "logits POSITION ID..." by the
logits at that position. Padded baselines pad mixed32 to its longest text. The head runs at one token of each text, except
in CTranslate2, which has none: its times lack the head (for `logits` it is added in numpy).
"""
import json
import os
import sys
import time

PEERS = os.path.expanduser(os.environ.get("PEERS", "~/peers"))
MODEL = f"{PEERS}/models/roberta-base-rand"
ONNX = f"{PEERS}/models/onnx/base_mask1"
ANSWERS = sys.stdout


def batch(shape):
    """Ids and mask [B, T] and lengths: those of bench_infer in length."""
    random = np.random.RandomState(0)
    if shape == "mixed32":
        lengths = random.randint(8, 129, size=32)
    else:
        size, length = map(int, shape.split("x"))
        lengths = np.full(size, length)
    ids = np.ones((len(lengths), lengths.max()), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = random.randint(4, 50260, size=length)
        ids[row, 0], ids[row, length - 1] = 0, 2
        mask[row, :length] = 1
    return ids, mask, lengths


def torch_baseline(threads, dtype):
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    from transformers import RobertaForMaskedLM
    torch.set_num_threads(threads)
    model = RobertaForMaskedLM.from_pretrained(MODEL, attn_implementation="sdpa", dtype=getattr(torch, dtype)).eval()

    def prepare(ids, mask, positions):
        ids, rows, positions = torch.tensor(ids), torch.arange(len(ids)), torch.tensor(positions)
        mask = None if mask.all() else torch.tensor(mask)

        def run():
            with torch.inference_mode():
                hidden = model.roberta(input_ids=ids, attention_mask=mask).last_hidden_state
                return model.lm_head(hidden[rows, positions]).float().numpy()
        return run
    return prepare, torch.__version__


def onnxruntime_baseline(threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(f"{ONNX}_fused.onnx", options, providers=["CPUExecutionProvider"])

    def prepare(ids, mask, positions):
        feed = {"input_ids": ids, "attention_mask": mask, "pos": positions}
        return lambda: session.run(None, feed)[0]
    return prepare, onnxruntime.__version__


def openvino_baseline(threads, precision):
    import openvino
    model = openvino.convert_model(f"{ONNX}.onnx")
    request = openvino.Core().compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": precision}).create_infer_request()

    def prepare(ids, mask, positions):
        feed = {"input_ids": ids, "attention_mask": mask, "pos": positions}

        def run():
            request.infer(feed)
            return request.get_output_tensor(0).data
        return run
    return prepare, openvino.__version__


def ctranslate2_baseline(threads):
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import ctranslate2
    folder = f"{PEERS}/models/ct2/base"
    if not os.path.exists(f"{folder}/model.bin"):
        from transformers import RobertaConfig
        RobertaConfig.position_embedding_type = "absolute"  # read by its loader, dropped by transformers 5
        ctranslate2.converters.TransformersConverter(MODEL).convert(folder, quantization=None, force=True)
    encoder = ctranslate2.Encoder(folder, device="cpu", compute_type="float32", inter_threads=1, intra_threads=threads)

    def prepare(ids, mask, positions):
        texts = [row[:length].tolist() for row, length in zip(ids, mask.sum(1))]
        return lambda: np.array(encoder.forward_batch(texts).last_hidden_state)
    return prepare, ctranslate2.__version__


def head(hidden):
    """The MLM head on one row, for the baseline that has none."""
    from math import erf
    from safetensors.numpy import load_file
    tensors = load_file(f"{MODEL}/model.safetensors")
    x = tensors["lm_head.dense.weight"] @ hidden + tensors["lm_head.dense.bias"]
    x = np.array([v * 0.5 * (1 + erf(v / 2 ** 0.5)) for v in x], dtype=np.float32)
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    x = x * tensors["lm_head.layer_norm.weight"] + tensors["lm_head.layer_norm.bias"]
    return tensors["roberta.embeddings.word_embeddings.weight"] @ x + tensors["lm_head.bias"]


MAKERS = {
    "openvino_f32": lambda threads: openvino_baseline(threads, "f32"),
    "openvino_bf16": lambda threads: openvino_baseline(threads, "bf16"),
    "ctranslate2_f32": ctranslate2_baseline,
    "onnxruntime_f32": onnxruntime_baseline,
    "torch_f32": lambda threads: torch_baseline(threads, "float32"),
    "torch_bf16": lambda threads: torch_baseline(threads, "bfloat16"),
}


def main():
    baseline, threads = sys.argv[1], int(sys.argv[2])
    prepare, version = MAKERS[baseline](threads)
    print(json.dumps({"baseline": baseline, "version": version.split("-")[0]}), file=ANSWERS, flush=True)
    ready = {}
    for line in sys.stdin:
        order = line.split()
        if order[0] == "logits":
            ids = np.array([order[2:]], dtype=np.int64)
            position = int(order[1])
            out = prepare(ids, np.ones_like(ids), np.array([position]))()[0]
            row = head(out[position]) if baseline.startswith("ctranslate2") else out
            print(" ".join(f"{x:.6g}" for x in row), file=ANSWERS, flush=True)
            continue
        if order[0] not in ready:
            ids, mask, lengths = batch(order[0])
            ready[order[0]] = prepare(ids, mask, lengths // 2)
        start = time.perf_counter()
        ready[order[0]]()
        print(f"{(time.perf_counter() - start) * 1e3:.4f}", file=ANSWERS, flush=True)


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import numpy as np
    main()
