#!/usr/bin/env python3
"""Fine-tunes with PyTorch and transformers, in a plain loop: what the program is compared with.

    echo '{"task": "rte", "model": DIR, "train": FILE, "dev": FILE, ...}' | tools/hf/finetune.py

Further fields (and their defaults): batch 32, epochs 3, max_steps 0, learning_rate 5e-5, weight_decay 0, warmup_ratio 0,
clip 1, betas, eps, dropout (none: the config's), max_length 512, dtype float32|bfloat16 (autocast), attention sdpa|eager,
seed 42, threads 2, shuffle true (false: the order of the file), group true (batches of like lengths, as Trainer's
group_by_length), every_epoch true (dev metrics after each epoch, not at the end alone), predictions FILE, save DIR.
Prints one JSON object: losses of the steps, dev metrics by epoch and the best of them by the headline, seconds.
"""
import json
import os
import sys
import time

DEFAULTS = dict(batch=32, epochs=3, max_steps=0, learning_rate=5e-5, weight_decay=0.0, warmup_ratio=0.0, clip=1.0, betas=(0.9, 0.999),
                eps=1e-8, dropout=None, max_length=512, dtype="float32", attention="sdpa", seed=42, threads=2, shuffle=True, group=True,
                every_epoch=True, predictions=None, save=None)


def model_class(transformers, kind):
    return {"tokens": transformers.RobertaForTokenClassification,
            "spans": transformers.RobertaForQuestionAnswering}.get(kind, transformers.RobertaForSequenceClassification)


class Run:
    def __init__(self, request):
        import torch
        import transformers
        from tasks import open_task
        self.torch = torch
        self.o = dict(DEFAULTS, **request)
        torch.set_num_threads(self.o["threads"])
        torch.manual_seed(self.o["seed"])
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self.task = open_task(self.o["task"], self.o["train"], self.o["max_length"])
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(self.o["model"], add_prefix_space=self.task.kind == "tokens")
        settings = dict(self.task.settings)
        if self.o["dropout"] is not None:
            rate = self.o["dropout"]
            settings.update(hidden_dropout_prob=rate, attention_probs_dropout_prob=rate, classifier_dropout=rate)
        self.model = model_class(transformers, self.task.kind).from_pretrained(
            self.o["model"], dtype=torch.float32, attn_implementation=self.o["attention"], **settings)
        self.train = self.task.features(self.tokenizer, self.task.read(self.o["train"]), True)
        self.examples = self.task.read(self.o["dev"])
        self.dev = self.task.features(self.tokenizer, self.examples, False)
        self.tokens = 0

    def autocast(self):
        return self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.o["dtype"] == "bfloat16")

    def collate(self, features):
        torch, longest = self.torch, max(len(f["ids"]) for f in features)
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([f["ids"] + [pad] * (longest - len(f["ids"])) for f in features])
        inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1] * len(f["ids"]) + [0] * (longest - len(f["ids"])) for f in features])}
        labels = [f["label"] for f in features]
        if self.task.kind == "tokens":
            inputs["labels"] = torch.tensor([row + [-100] * (longest - len(row)) for row in labels])
        elif self.task.kind == "spans":
            inputs["start_positions"], inputs["end_positions"] = torch.tensor(labels).T
        else:
            inputs["labels"] = torch.tensor(labels, dtype=torch.float32 if self.task.kind == "regression" else torch.int64)
        return inputs

    def order(self, epoch):
        """Indices of the epoch's batches."""
        size, n = self.o["batch"], len(self.train)
        if not self.o["shuffle"]:
            places = list(range(n))
        else:
            generator = self.torch.Generator().manual_seed(self.o["seed"] * 1000 + epoch)
            places = self.torch.randperm(n, generator=generator).tolist()
            if self.o["group"]:
                mega = 50 * size
                places = [p for i in range(0, n, mega)
                          for p in sorted(places[i:i + mega], key=lambda p: len(self.train[p]["ids"]), reverse=True)]
        batches = [places[i:i + size] for i in range(0, n, size)]
        if self.o["shuffle"] and self.o["group"]:
            batches = [batches[i] for i in self.torch.randperm(len(batches), generator=generator).tolist()]
        return batches

    def optimizer(self):
        groups = [{"params": [], "weight_decay": self.o["weight_decay"]}, {"params": [], "weight_decay": 0.0}]
        for name, p in self.model.named_parameters():
            groups[name.endswith("bias") or "norm" in name.lower()]["params"].append(p)
        return self.torch.optim.AdamW(groups, betas=self.o["betas"], eps=self.o["eps"], fused=True)

    def rate(self, done, total):
        """get_linear_schedule_with_warmup."""
        warmup = -int(-self.o["warmup_ratio"] * total // 1)
        return self.o["learning_rate"] * (done / warmup if done < warmup else (total - done) / max(1, total - warmup))

    def step(self, optimizer, batch, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        with self.autocast():
            loss = self.model(**self.collate([self.train[i] for i in batch])).loss
        loss.backward()
        if self.o["clip"]:
            self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.o["clip"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.tokens += sum(len(self.train[i]["ids"]) for i in batch)
        return loss.item()

    def evaluate(self):
        """Predictions and metrics of the dev set; batches of like lengths."""
        torch = self.torch
        order = sorted(range(len(self.dev)), key=lambda i: len(self.dev[i]["ids"]))
        logits = [None] * len(self.dev)
        self.model.eval()
        with torch.inference_mode(), self.autocast():
            for begin in range(0, len(order), 32):
                some = order[begin:begin + 32]
                inputs = self.collate([self.dev[i] for i in some])
                y = self.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
                rows = torch.stack([y.start_logits, y.end_logits], -1) if self.task.kind == "spans" else y.logits
                for i, row in zip(some, rows.float().numpy()):
                    logits[i] = row if row.ndim == 1 else row[:len(self.dev[i]["ids"])]
        self.model.train()
        predicted = self.task.predictions(self.dev, logits, self.examples)
        return predicted, self.task.metrics(predicted, self.examples)

    def run(self):
        steps_an_epoch = len(self.order(0))
        total = self.o["max_steps"] or steps_an_epoch * self.o["epochs"]
        optimizer = self.optimizer()
        losses, epochs, seconds, evaluation = [], [], 0.0, 0.0
        self.model.train()
        while len(losses) < total:
            start = time.perf_counter()
            for batch in self.order(len(losses) // steps_an_epoch)[:total - len(losses)]:
                losses.append(self.step(optimizer, batch, self.rate(len(losses), total)))
            seconds += time.perf_counter() - start
            if self.o["every_epoch"] or len(losses) == total:
                start = time.perf_counter()
                predicted, metrics = self.evaluate()
                evaluation += time.perf_counter() - start
                epochs.append(metrics)
                print(json.dumps({"epoch": len(losses) / steps_an_epoch, **metrics}), file=sys.stderr, flush=True)
        if self.o["predictions"]:
            json.dump(predicted, open(self.o["predictions"], "w"))
        if self.o["save"]:
            self.model.save_pretrained(self.o["save"])
            self.tokenizer.save_pretrained(self.o["save"])
        best = max(epochs, key=lambda m: m[self.task.headline])
        return {"losses": losses, "epochs": epochs, "best": best, "last": epochs[-1], "headline": self.task.headline,
                "train": len(self.train), "dev": len(self.examples), "steps": total, "tokens": self.tokens,
                "seconds": round(seconds, 2), "evaluation_seconds": round(evaluation, 2), "version": self.torch.__version__.split("+")[0]}


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    given = json.load(sys.stdin)
    os.environ["OMP_NUM_THREADS"] = str(given.get("threads", 2))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine spinning threads take each other's time
    print(json.dumps(Run(given).run()), flush=True)
