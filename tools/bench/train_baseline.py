#!/usr/bin/env python3
"""One PyTorch trainer of a RoBERTa masked LM (transformers), ready to run: `train_baseline.py CONFIG VARIANT THREADS`.

CONFIG: small (6 layers of 512, 8 heads, ffn 2048, 8,192 tokens, batch 16 x 128) or base (roberta-base, batch 8 x 128).
VARIANT: words joined by "-": fp32 or bf16 (autocast); sdpa or eager attention; full (logits of every token, as
RobertaForMaskedLM does when it is given labels) or rows (the masked rows are gathered before lm_head); fused (AdamW's
fused kernel; without the word torch's default). E.g. bf16-sdpa-full-fused.

A step is forward, backward, AdamW (weight decay 0.01) and zero_grad, dropout 0.1 as in the default configuration, 15 % of
tokens masked, no padding and no attention mask. After the model is built it prints {"baseline": ..., "version": ...}; then each
line "step" of stdin is one step, answered by its milliseconds and its loss.
"""
import json
import os
import sys
import time

CONFIGS = {
    "small": dict(num_hidden_layers=6, hidden_size=512, num_attention_heads=8, intermediate_size=2048, vocab_size=8192),
    "base": dict(num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072, vocab_size=50265),
}
BATCH = {"small": (16, 128), "base": (8, 128)}
MASKED = 0.15


def batches(torch, name, count=4):
    """Synthetic batches: ids with masks in them, the masked rows of the packed batch, and what stood there."""
    generator = torch.Generator().manual_seed(1)
    shape, vocabulary = BATCH[name], CONFIGS[name]["vocab_size"]
    for _ in range(count):
        ids = torch.randint(4, vocabulary - 1, shape, generator=generator)
        ids[:, 0], ids[:, -1] = 0, 2
        rows = torch.randperm(ids.numel(), generator=generator)[: round(MASKED * ids.numel())].sort().values
        targets = ids.flatten()[rows].clone()
        ids.view(-1)[rows] = vocabulary - 1
        labels = torch.full_like(ids, -100)
        labels.view(-1)[rows] = targets
        yield ids, labels, rows, targets


def loss_of(torch, model, batch, variant):
    ids, labels, rows, targets = batch
    if "rows" not in variant:
        return model(input_ids=ids, labels=labels).loss
    hidden = model.roberta(input_ids=ids).last_hidden_state.flatten(0, 1)
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[rows]).float(), targets)


def main():
    name, variant, threads = sys.argv[1], sys.argv[2].split("-"), int(sys.argv[3])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    attention = "eager" if "eager" in variant else "sdpa"
    model = RobertaForMaskedLM(RobertaConfig(max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
                                             attn_implementation=attention, **CONFIGS[name])).train()
    # A small step: the loss of random ids stays near its start, so that no step meets other numbers than the last one.
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.01, fused="fused" in variant or None)
    data = list(batches(torch, name))
    print(json.dumps({"baseline": "torch " + sys.argv[2], "version": torch.__version__.split("+")[0], "config": name,
                      "parameters": sum(p.numel() for p in model.parameters())}), file=ANSWERS, flush=True)
    done = 0
    for _ in sys.stdin:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in variant):
            loss = loss_of(torch, model, data[done % len(data)], variant)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        print(f"{(time.perf_counter() - start) * 1e3:.3f} {loss.item():.5f}", file=ANSWERS, flush=True)


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    main()
