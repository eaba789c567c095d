#!/usr/bin/env python3
"""Makes tests/golden/tiny-roberta: a tiny RoBERTa of odd sizes with a tiny byte-level BPE tokenizer, and golden.json,
what transformers computes for it. Needs torch, transformers, tokenizers, safetensors.

The weights lie in the file in three dtypes (F32, F16, BF16), so one model tests every conversion; transformers computes
with the same rounded values in float32."""
import json
import os
import sys
import tempfile

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, ByteLevelBPETokenizer
from transformers import RobertaConfig, RobertaForMaskedLM, RobertaTokenizerFast, pipeline

CORPUS = """The quick brown fox jumps over the lazy dog. The dog sleeps; the fox is gone.
Paris is the capital of France, and London is the capital of England. What is a capital?
She sells sea shells by the sea shore. He isn't sure that the shells she sells are sea shells.
The café is open. It's there, they said, that the other brother had gathered the feathers.
"""
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TEXTS = [
    "The capital of France is<mask>.",
    "The <mask> sleeps",
    "<mask>",
    "She <mask> sea <mask> by the<mask> shore.",
    "it's a naïve café — 日本 <mask>\u00a0! don ' t",
    "The dog <pad> sleeps<pad><mask>, the fox </s> is <unk> gone <s> <mask>",
]
PLAIN = ["The quick brown fox.", "a", "He isn't sure the café <pad> is there, they said."]


def rounded(values):
    return [float(f"{v:.6g}") for v in values]


def make_tokenizer(directory):
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "corpus.txt")
        with open(path, "w", encoding="utf-8") as out:
            out.write(CORPUS * 3)
        bpe = ByteLevelBPETokenizer()
        bpe.train([path], vocab_size=290, min_frequency=2, special_tokens=SPECIALS, show_progress=False)
        bpe.save_model(scratch)
        tokenizer = RobertaTokenizerFast(
            vocab=os.path.join(scratch, "vocab.json"), merges=os.path.join(scratch, "merges.txt"), model_max_length=48,
            mask_token=AddedToken("<mask>", lstrip=True, special=True, normalized=False),
        )
        tokenizer.save_pretrained(directory)
    return RobertaTokenizerFast.from_pretrained(directory)


def make_model(directory, tokenizer):
    torch.manual_seed(20)
    config = RobertaConfig(
        vocab_size=len(tokenizer) + 3,  # rows of no token, as in models padded to a round size
        hidden_size=60,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=84,
        max_position_embeddings=50,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = RobertaForMaskedLM(config)
    for name, p in model.named_parameters():
        if "orm.weight" in name:
            torch.nn.init.normal_(p, 1, 0.2)
        elif "embeddings" in name and p.dim() == 2:
            torch.nn.init.normal_(p, 0, 0.3)  # padding's rows too: nothing may lean on their being 0
        else:
            torch.nn.init.normal_(p, 0, 0.15)
    model.save_pretrained(directory)
    dtypes = [torch.bfloat16, torch.float16, torch.float32]
    state = {}
    for i, (name, p) in enumerate(sorted(model.named_parameters())):
        if name.startswith("lm_head.decoder"):
            continue
        # Vectors F32; matrices by turns, the tied word embedding BF16.
        small = p.dim() == 2
        dtype = (torch.bfloat16 if "word_embeddings" in name else dtypes[i % 2]) if small else torch.float32
        state[name] = p.detach().to(dtype).contiguous()
    save_file(state, os.path.join(directory, "model.safetensors"), metadata={"format": "pt"})
    model = RobertaForMaskedLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    assert all(p.dtype == torch.float32 for p in model.parameters())
    return model


@torch.no_grad()
def forward(model, ids):
    return model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), output_hidden_states=True)


def encoder_goldens(model, tokenizer):
    out = []
    for text in TEXTS + PLAIN:
        ids = tokenizer(text)["input_ids"]
        y = forward(model, ids)
        rows = sorted({0, len(ids) // 2, len(ids) - 1})
        masks = [i for i, t in enumerate(ids) if t == tokenizer.mask_token_id]
        out.append({
            "text": text, "ids": ids, "rows": rows,
            "hidden": [[rounded(h[0, r].tolist()) for r in rows] for h in y.hidden_states],
            "masks": masks, "logits": [rounded(y.logits[0, m].tolist()) for m in masks],
        })
    return out


def as_lists(answer):
    return answer if isinstance(answer[0], list) else [answer]


def pipeline_goldens(model, tokenizer):
    fill = pipeline("fill-mask", model=model, tokenizer=tokenizer, device=-1)
    rows = []
    for text in TEXTS:
        answer = as_lists(fill(text, top_k=4))
        rows.append({"text": text, "top_k": 4, "targets": [],
                     "answer": [[{**f, "score": float(f"{f['score']:.7g}")} for f in mask] for mask in answer]})
    return rows


@torch.no_grad()
def log_probs(model, ids, position):
    return torch.log_softmax(forward(model, ids).logits[0, position].double(), -1)


def target_goldens(model, tokenizer):
    """Chain rule left to right, by hand. The word gets the space that <mask> has swallowed."""
    rows = []
    for text, words in [("The capital of <mask> is", ["France", "shells", " dog", "zebra"]), ("<mask> is", ["The", "xyz"]),
                        ("a<mask>b <mask>", ["fox", " the"])]:
        ids = tokenizer(text)["input_ids"]
        answer = []
        for k, at in enumerate(i for i, t in enumerate(ids) if t == tokenizer.mask_token_id):
            before = text.split("<mask>")[k]
            fills = []
            for word in words:
                spaced = " " + word if before.endswith(" ") and not word.startswith(" ") else word
                tokens = tokenizer(spaced, add_special_tokens=False)["input_ids"]
                total = 0.0
                for step, token in enumerate(tokens):
                    inside = tokens[:step] + [tokenizer.mask_token_id] * (len(tokens) - step)
                    total += log_probs(model, ids[:at] + inside + ids[at + 1:], at + step)[token].item()
                fills.append({"tokens": tokens, "log_prob": round(total, 6)})
            answer.append(sorted(fills, key=lambda f: -f["log_prob"]))
        rows.append({"text": text, "targets": words, "answer": answer})
    return rows


def joint_goldens(model, tokenizer):
    """The best pair by exhaustive search over all first tokens."""
    text = "The <mask> is <mask>."
    ids = tokenizer(text)["input_ids"]
    a, b = [i for i, t in enumerate(ids) if t == tokenizer.mask_token_id]
    first = log_probs(model, ids, a)
    pairs = []
    for t in range(model.config.vocab_size):
        second = log_probs(model, ids[:a] + [t] + ids[a + 1:], b)
        value, index = (first[t] + second).topk(3)
        pairs += [(v.item(), [t, i.item()]) for v, i in zip(value, index)]
    pairs.sort(reverse=True)
    return {"text": text, "answer": [{"tokens": p, "log_prob": round(v, 6)} for v, p in pairs[:3]]}


def embed_goldens(model, tokenizer):
    rows = []
    for text in PLAIN:
        h = forward(model, tokenizer(text)["input_ids"]).hidden_states
        last, two = h[-1][0], torch.cat([h[0][0], h[-2][0]], -1)
        for pooling, layers, normalize, value in [
            ("mean", [-1], False, last.mean(0)), ("cls", [-1], True, torch.nn.functional.normalize(last[0], dim=0)),
            ("max", [-1], False, last.max(0).values), ("mean", [0, -2], True, torch.nn.functional.normalize(two.mean(0), dim=0)),
            ("cls", [0, -2], False, two[0]), ("none", [1], False, h[1][0][-1]),
        ]:
            rows.append({"text": text, "pooling": pooling, "layers": layers, "normalize": normalize, "vector": rounded(value.tolist())})
    return rows


def score_goldens(model, tokenizer):
    rows = []
    for text in PLAIN:
        ids = tokenizer(text)["input_ids"]
        values = []
        for i in range(1, len(ids) - 1):
            masked = ids[:i] + [tokenizer.mask_token_id] + ids[i + 1:]
            values.append(round(log_probs(model, masked, i)[ids[i]].item(), 6))
        rows.append({"text": text, "ids": ids[1:-1], "log_probs": values})
    return rows


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../tests/golden/tiny-roberta")
    os.makedirs(directory, exist_ok=True)
    tokenizer = make_tokenizer(directory)
    model = make_model(directory, tokenizer)
    golden = {
        "encoder": encoder_goldens(model, tokenizer),
        "fill_mask": pipeline_goldens(model, tokenizer),
        "targets": target_goldens(model, tokenizer),
        "joint": joint_goldens(model, tokenizer),
        "embed": embed_goldens(model, tokenizer),
        "score": score_goldens(model, tokenizer),
    }
    with open(os.path.join(directory, "golden.json"), "w", encoding="utf-8") as out:
        json.dump(golden, out, separators=(",", ":"))
    for name in sorted(os.listdir(directory)):
        print(name, os.path.getsize(os.path.join(directory, name)))


main()
