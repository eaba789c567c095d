#!/usr/bin/env python3
"""Hugging Face's Trainer on a GLUE task, ready to run: `finetune_baseline.py MODEL TASK TRAIN_FILE BATCH VARIANT THREADS`.

VARIANT: words joined by "-": bf16 or fp32; grouped (train_sampling_strategy group_by_length, batches padded to their longest)
or padded (run_glue's defaults: random order, all padded to 128); sdpa or eager attention. All else is Trainer's default (fused
AdamW, gradients clipped to norm 1); dropout 0.1, texts cut to 128 tokens. After the model is loaded it prints its facts; then
each line of stdin is one epoch over the file, answered by its milliseconds.
"""
import json
import os
import pathlib
import sys
import tempfile
import time

LENGTH = 128


def main():
    model, task_name, train, batch, variant, threads = sys.argv[1:]
    words = variant.split("-")
    os.environ["OMP_NUM_THREADS"] = threads
    import torch
    import transformers
    from tasks import open_task
    torch.set_num_threads(int(threads))
    transformers.utils.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    task = open_task(task_name, train, LENGTH)
    features = task.features(tokenizer, task.read(train), True)
    tokens = sum(len(f["ids"]) for f in features)
    data = [{"input_ids": f["ids"], "attention_mask": [1] * len(f["ids"]), "labels": f["label"]} for f in features]
    if "padded" in words:
        data = [dict(row, **tokenizer.pad({k: row[k] for k in ("input_ids", "attention_mask")}, padding="max_length", max_length=LENGTH))
                for row in data]
    network = transformers.RobertaForSequenceClassification.from_pretrained(
        model, dtype=torch.float32, attn_implementation="eager" if "eager" in words else "sdpa", hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1, **task.settings)

    class Orders(transformers.TrainerCallback):
        """Waits for an order before each epoch, and answers behind it."""

        def on_epoch_begin(self, *_, **__):
            if not sys.stdin.readline():
                os._exit(0)
            self.start = time.perf_counter()

        def on_epoch_end(self, *_, **__):
            print(f"{(time.perf_counter() - self.start) * 1e3:.3f}", file=ANSWERS, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        arguments = transformers.TrainingArguments(
            scratch, use_cpu=True, bf16="bf16" in words, per_device_train_batch_size=int(batch), num_train_epochs=1000000,
            learning_rate=2e-5, train_sampling_strategy="group_by_length" if "grouped" in words else "random", logging_strategy="no",
            save_strategy="no", report_to="none", disable_tqdm=True)
        trainer = transformers.Trainer(network, arguments, train_dataset=data, processing_class=tokenizer,
                                       data_collator=transformers.DataCollatorWithPadding(tokenizer), callbacks=[Orders()])
        print(json.dumps({"baseline": f"Trainer {variant}", "version": transformers.__version__, "torch": torch.__version__.split("+")[0],
                          "samples": len(data), "tokens": tokens}), file=ANSWERS, flush=True)
        trainer.train()


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "hf"))
    main()
