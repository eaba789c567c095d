#!/usr/bin/env python3
"""Pretrains a RoBERTa with transformers + PyTorch for a given time from the weights in --config; the other side of
equal_clock.py.

    train_torch.py --corpus DIR --config DIR --output DIR --minutes 20 [--threads 2] [--variant bf16-sdpa-rows]

A plain but careful script: tokens of a prepared corpus in memory, pieces of full length (no padding, no attention mask),
masked as transformers' DataCollatorForLanguageModeling does it, bf16 autocast, AdamW's fused kernel without decay of biases
and norms, linear warmup and decay over the time that is given. Variants are those of train_baseline.py, "auto" takes the fastest
after a few steps of each. The clock starts after the model is built and the variant chosen. Prints JSON lines.
"""
import argparse
import json
import os
import pathlib
import sys
import time

import numpy

VARIANTS = ("bf16-sdpa-rows", "bf16-eager-rows", "fp32-sdpa-rows", "bf16-sdpa-full")


def shard_tokens(path, token_bytes):
    """The tokens of one shard (docs/formats.md): a header of 32 bytes, tokens, ..., a footer of 128 that begins with their number."""
    data = numpy.memmap(path, numpy.uint8, "r")
    assert bytes(data[:8]) == b"RBTSHARD", f"{path} is no shard"
    count = int(data[-128:-120].view(numpy.uint64)[0])
    return data[32:32 + count * token_bytes].view(numpy.uint16 if token_bytes == 2 else numpy.uint32)


def read_pieces(corpus, length):
    """[pieces, length]: the training split cut into full pieces, set by set."""
    manifest = json.loads((corpus / "manifest.json").read_text())
    fairseq = manifest["boundary"] == "fairseq"  # there the reader puts <s> before each piece
    pieces = []
    for group in manifest["sets"]:
        shards = [s for s in group["shards"] if s["split"] == "train"]
        if not shards:
            continue
        stream = numpy.concatenate([shard_tokens(corpus / s["file"], manifest["token_bytes"]) for s in shards])
        own = length - fairseq
        cut = stream[:len(stream) // own * own].reshape(-1, own)
        start = numpy.full((len(cut), int(fairseq)), manifest["bos_id"], cut.dtype)
        cut = numpy.concatenate([start, cut], 1)
        whole, part = divmod(round(group["weight"] * len(cut)), len(cut))
        pieces += [cut] * whole + [cut[:part]]
    return numpy.concatenate(pieces).astype(numpy.int32)


class Collator:
    """DataCollatorForLanguageModeling: each token but <s>, </s> and <pad> by chance; 80 % <mask>, 10 % any token."""

    def __init__(self, torch, specials, mask_id, vocab_size, seed):
        self.torch, self.mask_id, self.vocab_size = torch, mask_id, vocab_size
        self.generator = torch.Generator().manual_seed(seed)
        self.special = torch.zeros(vocab_size, dtype=torch.bool)
        self.special[specials] = True

    def __call__(self, ids):
        torch, generator = self.torch, self.generator
        chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & ~self.special[ids]
        labels = torch.where(chosen, ids, -100)
        fate = torch.rand(ids.shape, generator=generator)
        ids = torch.where(chosen & (fate < 0.8), self.mask_id, ids)
        other = torch.randint(self.vocab_size, ids.shape, generator=generator)
        ids = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, ids)
        rows = chosen.flatten().nonzero().squeeze(1)
        return ids, labels, rows, labels.flatten()[rows]


def batches(torch, pieces, batch, collate, seed):
    random = numpy.random.default_rng(seed)
    while True:
        order = random.permutation(len(pieces))
        for i in range(0, len(order) - batch + 1, batch):
            yield collate(torch.from_numpy(pieces[order[i:i + batch]].astype(numpy.int64)))


def make_optimizer(torch, model, weight_decay):
    groups = [{"params": [], "weight_decay": weight_decay}, {"params": [], "weight_decay": 0.0}]
    for name, p in model.named_parameters():
        groups[name.endswith("bias") or "norm" in name.lower()]["params"].append(p)
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, fused=True)


class Trainer:
    def __init__(self, torch, args, pieces, vocabulary):
        from train_baseline import loss_of
        from transformers import RobertaConfig
        self.torch, self.args, self.loss_of = torch, args, loss_of
        self.config = RobertaConfig.from_pretrained(args.config)
        self.specials = [self.config.bos_token_id, self.config.eos_token_id, self.config.pad_token_id]
        self.pieces, self.mask_id = pieces, vocabulary["<mask>"]

    def build(self, variant):
        from transformers import RobertaForMaskedLM
        self.torch.manual_seed(self.args.seed)
        self.config._attn_implementation = "eager" if "eager" in variant else "sdpa"
        self.variant = variant.split("-")
        self.model = RobertaForMaskedLM.from_pretrained(self.args.config, config=self.config, dtype=self.torch.float32).train()
        self.optimizer = make_optimizer(self.torch, self.model, self.args.weight_decay)
        self.stream = batches(self.torch, self.pieces, self.args.batch,
                              Collator(self.torch, self.specials, self.mask_id, self.config.vocab_size, self.args.seed),
                              self.args.seed)

    def step(self, lr):
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with self.torch.autocast("cpu", self.torch.bfloat16, enabled="bf16" in self.variant):
            loss = self.loss_of(self.torch, self.model, next(self.stream), self.variant)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def seconds_of(self, variant, steps=4):
        self.build(variant)
        self.step(1e-6)
        start = time.perf_counter()
        for _ in range(steps):
            self.step(1e-6)
        return (time.perf_counter() - start) / steps

    def run(self):
        """Trains until the time is over, the learning rate following the clock; or for --steps, however long they take: what a
        quiet machine does in that time can so be run on a busy one."""
        args, losses = self.args, []
        end = args.minutes * 60
        start = time.perf_counter()
        steps = 0
        while (done := steps / args.steps if args.steps else (time.perf_counter() - start) / end) < 1:
            lr = args.lr * (done / args.warmup if done < args.warmup else (1 - done) / (1 - args.warmup))
            losses.append(self.step(lr))
            steps += 1
            if steps % args.log_steps == 0:
                emit(step=steps, seconds=round(time.perf_counter() - start, 1), lr=lr, loss=sum(losses[-args.log_steps:]) / args.log_steps)
        seconds = time.perf_counter() - start
        tokens = steps * args.batch * args.length
        return dict(steps=steps, seconds=round(seconds, 1), tokens=tokens, tokens_per_s=round(tokens / seconds, 1),
                    loss=round(sum(losses[-50:]) / len(losses[-50:]), 4))


def emit(**row):
    print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, required=True, help="what `roberta prepare` made")
    parser.add_argument("--config", required=True, help="model directory with config.json and tokenizer files")
    parser.add_argument("--output", required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32, help="sequences a step")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=float, default=0.06, help="share of the time")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--variant", default="auto")
    parser.add_argument("--log-steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    import torch
    torch.set_num_threads(args.threads)
    vocabulary = json.loads((pathlib.Path(args.config) / "vocab.json").read_text())
    trainer = Trainer(torch, args, read_pieces(args.corpus, args.length), vocabulary)
    variant = args.variant
    if variant == "auto":
        seconds = {v: trainer.seconds_of(v) for v in VARIANTS}
        variant = min(seconds, key=seconds.get)
        emit(variant=variant, seconds_a_step={v: round(s, 3) for v, s in seconds.items()})
    trainer.build(variant)
    result = trainer.run()
    trainer.model.save_pretrained(args.output)
    emit(final=True, variant=variant, version=torch.__version__.split("+")[0], **result)


if __name__ == "__main__":
    main()
