#!/usr/bin/env python3
"""Hidden states of all layers and logits of random-weight models of odd shapes, against transformers: ours in packed
batches of mixed lengths, transformers one sequence at a time, in float32.

    tools/parity/model_parity.py [--probe build/tests/model_probe] [--model DIR ...] [--quick]

--model: further directories to compare in fp32 and bf16 (roberta-base shape and up). Prints a table of the largest
errors; fails when fp32 differs by more than 1e-4 or bf16's cosine is below 0.9998.
"""
import argparse
import pathlib
import random
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

from probe import BUILD, ask

F32_LIMIT, COSINE_LIMIT = 1e-4, 0.9998
BASE = dict(vocab_size=311, hidden_size=60, num_hidden_layers=3, num_attention_heads=3, intermediate_size=84,
            max_position_embeddings=130, type_vocab_size=1, layer_norm_eps=1e-5)


def strip_prefix(state):
    return {k.removeprefix("roberta."): v for k, v in state.items()}


def old_names(state):
    return {k.replace("orm.weight", "orm.gamma").replace("orm.bias", "orm.beta"): v for k, v in state.items()}


def decoder_bias_only(state):
    state["lm_head.decoder.bias"] = state.pop("lm_head.bias")
    return state


def decoder_names(state):
    state["lm_head.decoder.weight"] = state.pop("roberta.embeddings.word_embeddings.weight")
    state["roberta.embeddings.position_ids"] = torch.arange(130)[None]
    return state


# name, config, what is done to the stored tensors, dtype of the file, shards
CASES = [
    ("heads of 20", {}, None, torch.float32, 1),
    ("heads of 32, 2 token types", dict(hidden_size=96, type_vocab_size=2), None, torch.float32, 1),
    ("heads of 64, ffn 200", dict(hidden_size=192, intermediate_size=200), None, torch.float32, 1),
    ("one head of 17, ffn 7", dict(hidden_size=17, num_attention_heads=1, intermediate_size=7), None, torch.float32, 1),
    ("heads of 2, 1 layer", dict(hidden_size=6, num_hidden_layers=1, intermediate_size=33), None, torch.float32, 1),
    ("heads of 128", dict(hidden_size=384, vocab_size=1000), None, torch.float32, 1),
    ("eps 1e-12", dict(layer_norm_eps=1e-12), None, torch.float32, 1),
    ("pad id 0", dict(pad_token_id=0, bos_token_id=1), None, torch.float32, 1),
    ("pad id 7", dict(pad_token_id=7), None, torch.float32, 1),
    ("no prefix", {}, strip_prefix, torch.float32, 1),
    ("gamma and beta", {}, old_names, torch.float32, 1),
    ("lm_head.decoder.bias only", {}, decoder_bias_only, torch.float32, 1),
    ("decoder.weight only, position_ids", {}, decoder_names, torch.float32, 1),
    ("untied decoder", dict(tie_word_embeddings=False), None, torch.float32, 1),
    ("sharded bf16", {}, None, torch.bfloat16, 4),
    ("F16", {}, None, torch.float16, 1),
    ("no head", dict(bare=True), None, torch.float32, 1),
]


def randomize(model, seed):
    """Every parameter, padding rows and biases too: nothing may lean on zeros."""
    torch.manual_seed(seed)
    for name, p in model.named_parameters():
        mean, deviation = (1, 0.2) if "orm.weight" in name else (0, 0.2 if p.dim() == 1 else 0.7 / p.shape[-1] ** 0.5)
        torch.nn.init.normal_(p, mean, deviation)
    if isinstance(model, RobertaForMaskedLM) and model.config.tie_word_embeddings:
        model.lm_head.decoder.bias = model.lm_head.bias


def make(directory, changes, rename, dtype, shards, seed):
    settings = {**BASE, **changes}
    bare = settings.pop("bare", False)
    config = RobertaConfig(**settings)
    model = (RobertaModel(config, add_pooling_layer=False) if bare else RobertaForMaskedLM(config)).eval()
    randomize(model, seed)
    model.to(dtype).save_pretrained(directory, max_shard_size="5GB" if shards == 1 else 80_000)
    model.to(torch.float32)
    files = list(pathlib.Path(directory).glob("*.safetensors"))
    assert (len(files) > 1) == (shards > 1), files
    if rename:
        save_file({k: v.contiguous() for k, v in rename(load_file(files[0])).items()}, files[0], metadata={"format": "pt"})
    return model


def sequences_for(config, count, longest, seed):
    """Mixed lengths, the shortest and the longest among them; padding ids inside."""
    rng = random.Random(seed)
    lengths = [1, longest, 2] + [rng.randint(1, longest) for _ in range(count - 3)]
    out = []
    for n in lengths:
        ids = [rng.randrange(config.vocab_size) for _ in range(n)]
        for i in range(n):
            if rng.random() < 0.05:
                ids[i] = config.pad_token_id
        out.append(ids)
    return out


@torch.no_grad()
def reference(model, sequences):
    """Hidden states [layers + 1][tokens, C] and logits [tokens, V] or None; one sequence at a time."""
    states, logits = [], []
    for ids in sequences:
        y = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), output_hidden_states=True)
        states.append([h[0] for h in y.hidden_states])
        logits.append(y.logits[0] if hasattr(y, "logits") else None)
    layers = [torch.cat([s[i] for s in states]).numpy() for i in range(len(states[0]))]
    return layers, None if logits[0] is None else torch.cat(logits).numpy()


def ours(probe, directory, sequences, layers, with_logits, **options):
    asks = [{"op": "hidden", "ids": sequences, "layers": [i]} for i in range(layers + 1)]
    if with_logits:
        positions = [[s, t] for s, ids in enumerate(sequences) for t in range(len(ids))]
        asks.append({"op": "logits", "ids": sequences, "positions": positions})
    answers = ask(probe, directory, asks, **options)
    return answers[:layers + 1], answers[layers + 1] if with_logits else None


def compare(mine, theirs):
    """Largest error of the hidden states and of the logits, smallest cosine of a row of either."""
    pairs = list(zip(mine[0], theirs[0])) + ([(mine[1], theirs[1])] if theirs[1] is not None else [])
    cosine = min(float(((a * b).sum(-1) / numpy.sqrt((a * a).sum(-1) * (b * b).sum(-1))).min())
                 for a, b in ((a.astype(numpy.float64), b.astype(numpy.float64)) for a, b in pairs))
    hidden = max(float(numpy.abs(a - b).max()) for a, b in zip(mine[0], theirs[0]))
    return hidden, float(numpy.abs(mine[1] - theirs[1]).max()) if theirs[1] is not None else 0.0, cosine


class Table:
    def __init__(self):
        self.failed = 0
        print(f"{'model':38} {'path':22} {'hidden':>9} {'logits':>9} {'cosine':>10}")

    def row(self, name, path, errors, exact):
        hidden, logits, cosine = errors
        good = max(hidden, logits) <= F32_LIMIT if exact else cosine >= COSINE_LIMIT
        self.failed += not good
        print(f"{name:38} {path:22} {hidden:9.1e} {logits:9.1e} {cosine:10.7f}{'' if good else '  FAILED'}", flush=True)


def kernel_paths(probe, directory):
    paths = []
    for kernels in ("avx512_bf16", "avx512", "avx2", "portable"):
        try:
            ask(probe, directory, [{"op": "report"}], kernels=kernels)
            paths.append(kernels)
        except RuntimeError:
            print(f"skipped: this CPU can't run {kernels}")
    return paths


def odd_shapes(probe, table):
    for seed, (name, changes, rename, dtype, shards) in enumerate(CASES):
        with tempfile.TemporaryDirectory() as directory:
            model = make(directory, changes, rename, dtype, shards, seed)
            longest = model.config.max_position_embeddings - model.config.pad_token_id - 1
            sequences = sequences_for(model.config, 12, longest, seed)
            theirs = reference(model, sequences)
            runs = [("cpu", {})]
            if seed in (0, 3, 5):
                runs = [(k, {"kernels": k}) for k in kernel_paths(probe, directory)] + [("ref", {"device": "ref"})]
            for path, options in runs:
                mine = ours(probe, directory, sequences, model.config.num_hidden_layers, theirs[1] is not None,
                            max_batch_tokens=300, **options)
                table.row(name, path + " f32", compare(mine, theirs), True)


def given_model(probe, table, directory, quick):
    model = RobertaForMaskedLM.from_pretrained(directory, dtype=torch.float32).eval()
    name = pathlib.Path(directory).name
    sequences = sequences_for(model.config, 4 if quick else 6, 100 if quick else 512, 1)
    layers = model.config.num_hidden_layers
    theirs = reference(model, sequences)
    paths = kernel_paths(probe, directory)
    for dtype, kernels in [("f32", paths[0])] + [("bf16", k) for k in paths if not (quick and k == "portable")]:
        mine = ours(probe, directory, sequences, layers, True, dtype=dtype, kernels=kernels)
        table.row(name, f"{kernels} {dtype}", compare(mine, theirs), dtype == "f32")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", default=str(BUILD / "tests/model_probe"))
    parser.add_argument("--model", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter sequences through --model")
    parser.add_argument("--only-models", action="store_true", help="leave the odd shapes out")
    args = parser.parse_args()
    table = Table()
    if not args.only_models:
        odd_shapes(args.probe, table)
    for directory in args.model:
        given_model(args.probe, table, directory, args.quick)
    print("model parity:", f"{table.failed} FAILED" if table.failed else "all within limits")
    sys.exit(1 if table.failed else 0)


if __name__ == "__main__":
    main()
