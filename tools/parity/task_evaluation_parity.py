#!/usr/bin/env python3
"""`roberta evaluate glue|classification|ner|squad` against transformers with sklearn, scipy, seqeval and the official
SQuAD script.

    tools/parity/task_evaluation_parity.py [--roberta build/bin/roberta] [--rows 200]

Sharp random models with RoBERTa's own vocabulary and a head each; data: ROBERTA_SHARED. Every prediction whose margin is
not tiny, the loss, and the metrics of the predictions.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import (AutoTokenizer, RobertaConfig, RobertaForQuestionAnswering, RobertaForSequenceClassification,
                          RobertaForTokenClassification, RobertaTokenizerFast)

import metric_reference as reference
from pipeline_parity import Check
from probe import BUILD, shared_data

CLOSE = 1e-3  # smaller margins may fall either way


def save_model(directory, bpe, kind, **config):
    RobertaTokenizerFast(vocab=str(bpe / "vocab.json"), merges=str(bpe / "merges.txt")).save_pretrained(directory)
    torch.manual_seed(5)
    model = kind(RobertaConfig(
        vocab_size=50265, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, **config))
    for name, p in model.named_parameters():
        if "orm.weight" not in name:
            torch.nn.init.normal_(p, 0, 0.3)
    model.save_pretrained(directory)
    return model.eval()


def evaluate(program, *words):
    done = subprocess.run([program, "evaluate", *map(str, words), "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"roberta evaluate {words}: {done.stderr}")
    return json.loads(done.stdout)


def names(labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}, "num_labels": len(labels)}


def rows_of(file, quoting=csv.QUOTE_NONE, delimiter="\t"):
    with open(file, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter=delimiter, quoting=quoting))


@torch.no_grad()
def logits_of(model, tokenizer, firsts, seconds=None):
    out = []
    for i, first in enumerate(firsts):
        inputs = tokenizer(first, *([seconds[i]] if seconds else []), truncation=True, max_length=512, return_tensors="pt")
        out.append(model(**inputs).logits[0].double())
    return torch.stack(out)


def check_metrics(check, answer, want, skip=()):
    for name, value in want.items():
        if name not in skip:
            check.near(answer["metrics"][name], float(value), 1e-9, name)


class Runner:
    def __init__(self, args, bpe, scratch):
        self.args, self.bpe, self.scratch = args, bpe, pathlib.Path(scratch)

    def model(self, kind, **config):
        directory = self.scratch / "model"
        model = save_model(directory, self.bpe, kind, **config)
        return directory, model, AutoTokenizer.from_pretrained(directory)

    def run(self, *words):
        """The result, and the predictions it wrote."""
        file = self.scratch / "predictions.jsonl"
        answer = evaluate(self.args.roberta, *words, "--limit", self.args.rows, "--predictions", file)
        return answer, [json.loads(line) for line in file.read_text().splitlines()]

    def classes(self, title, words, texts, truth, labels, model_labels, kind_of_metrics):
        """`truth`: indices into `labels`; the model has them in its own order."""
        check = Check(title)
        directory, model, tokenizer = self.model(RobertaForSequenceClassification, **names(model_labels))
        answer, predictions = self.run(*words, "--model", directory)
        order = [model_labels.index(label) if label in model_labels else i for i, label in enumerate(labels)]
        logits = logits_of(model, tokenizer, *texts)[:, order]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(truth)).item()
        check.near(answer["loss"] / loss, 1, 1e-4, "loss")
        mine = [labels.index(row["prediction"]) for row in predictions]
        top = logits.topk(2).values
        for i, (a, b) in enumerate(zip(mine, logits.argmax(-1).tolist(), strict=True)):
            if top[i, 0] - top[i, 1] > CLOSE:
                check.same(a, b, f"row {i}")
        want = reference.classes(truth, mine, len(labels))
        if "f1" in want:
            want["combined"] = (want["accuracy"] + want["f1"]) / 2
        check_metrics(check, answer, {k: want[k] for k in answer["metrics"]} if kind_of_metrics == "some" else want, ("combined",))
        return check.done()

    def glue(self, folder):
        rows = rows_of(folder / "SST-2/dev.tsv")[:self.args.rows]
        bad = self.classes("glue sst2", ["glue", "--task", "sst2", folder / "SST-2"], [[r["sentence"] for r in rows]],
                           [int(r["label"]) for r in rows], ["0", "1"], ["NEGATIVE", "POSITIVE"], "some")
        labels = ["entailment", "neutral", "contradiction"]
        rows = rows_of(folder / "MNLI/dev_matched.tsv")[:self.args.rows]
        bad += self.classes("glue mnli, labels in fairseq's order", ["glue", "--task", "MNLI", folder / "MNLI/dev_matched.tsv"],
                            [[r["sentence1"] for r in rows], [r["sentence2"] for r in rows]],
                            [labels.index(r["gold_label"]) for r in rows], labels,
                            ["contradiction", "neutral", "entailment"], "some")
        with open(folder / "CoLA/dev.tsv", encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f][:self.args.rows]
        bad += self.classes("glue cola", ["glue", "--task", "cola", folder], [[r[3] for r in rows]], [int(r[1]) for r in rows],
                            ["0", "1"], ["LABEL_0", "LABEL_1"], "some")
        return bad + self.regression(folder)

    def regression(self, folder):
        check = Check("glue stsb")
        rows = rows_of(folder / "STS-B/dev.tsv")[:self.args.rows]
        directory, model, tokenizer = self.model(RobertaForSequenceClassification, num_labels=1, problem_type="regression")
        answer, predictions = self.run("glue", "--task", "stsb", folder, "--model", directory)
        logits = logits_of(model, tokenizer, [r["sentence1"] for r in rows], [r["sentence2"] for r in rows])[:, 0]
        truth = [reference.f32(float(r["score"]) / 5) for r in rows]
        check.near(answer["loss"] / ((logits - torch.tensor(truth)) ** 2).mean().item(), 1, 1e-4, "loss")
        for a, b in zip(predictions, logits.tolist(), strict=True):
            check.near(a["prediction"], b, 1e-3, a["line"])
        want = reference.values(truth, [reference.f32(row["prediction"]) for row in predictions])
        check_metrics(check, answer, {k: want[k] for k in answer["metrics"]})
        return check.done()

    def classification(self, folder):
        rows = rows_of(folder / "SST-2/dev.tsv")[:self.args.rows]
        file = self.scratch / "texts.csv"
        topics = ["film", "food", "sport"]
        with open(file, "w", newline="", encoding="utf-8") as f:
            writer = csv.writer(f)
            writer.writerow(["review", "label"])
            writer.writerows([r["sentence"], topics[i * i % 3]] for i, r in enumerate(rows))
        bad = self.classes("classification", ["classification", file], [[r["sentence"] for r in rows]], [i * i % 3 for i in range(len(rows))],
                           topics, topics, "all")
        check = Check("classification, several labels a text")
        chosen = [[k for k in range(3) if (i >> k) & 1] for i in range(len(rows))]
        file = self.scratch / "sets.jsonl"
        file.write_text("".join(json.dumps({"text": r["sentence"], "labels": [topics[k] for k in c]}) + "\n" for r, c in zip(rows, chosen)))
        directory, model, tokenizer = self.model(RobertaForSequenceClassification, **names(topics), problem_type="multi_label_classification")
        answer, predictions = self.run("classification", file, "--model", directory)
        logits = logits_of(model, tokenizer, [r["sentence"] for r in rows])
        truth = np.array([[k in c for k in range(3)] for c in chosen], int)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(truth).double()).item()
        check.near(answer["loss"] / loss, 1, 1e-4, "loss")
        mine = np.array([[t in row["prediction"] for t in topics] for row in predictions], int)
        for i, k in zip(*np.where((abs(logits) > CLOSE).numpy())):
            check.same(mine[i, k], int(logits[i, k] > 0), f"row {i}, {topics[k]}")
        check_metrics(check, answer, reference.sets(truth.ravel(), mine.ravel(), 3))
        return bad + check.done()

    @torch.no_grad()
    def ner(self, file):
        check = Check("ner")
        sentences = []
        for block in file.read_text(encoding="utf-8").split("\n\n"):
            pairs = [line.split("\t") for line in block.split("\n") if line.strip()]
            if pairs:
                sentences.append(([w for w, _ in pairs], [t for _, t in pairs]))
        sentences = sentences[:self.args.rows]
        types = sorted({t[2:] for _, tags in sentences for t in tags if t != "O"})
        labels = ["O"] + [p + t for t in types for p in ("B-", "I-")]
        directory, model, _ = self.model(RobertaForTokenClassification, **names(labels))
        tokenizer = AutoTokenizer.from_pretrained(directory, add_prefix_space=True)
        answer, predictions = self.run("ner", file, "--model", directory)
        losses = []
        for n, ((words, tags), row) in enumerate(zip(sentences, predictions, strict=True)):
            check.same([row["tokens"], row["tags"]], [words, tags], n)
            inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt", truncation=True, max_length=512)
            logits, ids, seen = model(**inputs).logits[0].double(), inputs.word_ids(0), set()
            for at, word in enumerate(ids):
                if word is None or word in seen:
                    continue
                seen.add(word)
                losses.append(torch.nn.functional.cross_entropy(logits[at], torch.tensor(labels.index(tags[word]))).item())
                top = logits[at].topk(2)
                if top.values[0] - top.values[1] > CLOSE:
                    check.same(row["prediction"][word], labels[top.indices[0]], f"sentence {n}, word {word}")
        check.near(answer["loss"] / np.mean(losses), 1, 1e-4, "loss")
        check_metrics(check, answer, reference.entities([t for _, t in sentences], [row["prediction"] for row in predictions]))
        columns = self.scratch / "columns.txt"
        columns.write_text("\n\n".join("\n".join(" ".join(row) for row in zip(r["tokens"], r["tags"], r["prediction"])) for r in predictions))
        check.same(evaluate(self.args.roberta, "ner", columns, "--two-tags")["metrics"], answer["metrics"], "two tags")
        return check.done()

    @torch.no_grad()
    def squad(self, archive, version2):
        check = Check("squad 2.0" if version2 else "squad 1.1")
        data = json.loads(subprocess.run(["zstd", "-dcq", str(archive)], capture_output=True, check=True).stdout)
        directory, model, tokenizer = self.model(RobertaForQuestionAnswering)
        file, predictions = self.scratch / "dev.json", self.scratch / "eval_predictions.json"
        questions = [(p["context"], q) for a in data["data"][:2] for p in a["paragraphs"] for q in p["qas"]][:self.args.rows]
        file.write_text(json.dumps({"version": "2", "data": [{"title": "", "paragraphs": [{"context": c, "qas": [q]} for c, q in questions]}]}))
        answer = evaluate(self.args.roberta, "squad", file, "--model", directory, "--predictions", predictions)
        mine = json.loads(predictions.read_text())
        nbest = json.loads((self.scratch / "eval_nbest_predictions.json").read_text())
        odds = json.loads((self.scratch / "eval_null_odds.json").read_text()) if version2 else {}
        scored = []
        for context, q in questions:
            inputs = tokenizer(q["question"].lstrip(), context, truncation="only_second", max_length=384, stride=128,
                               return_overflowing_tokens=True, return_offsets_mapping=True)
            windows = []
            for w, ids in enumerate(inputs["input_ids"]):
                out = model(input_ids=torch.tensor([ids]))
                rows = [i for i, s in enumerate(inputs.sequence_ids(w)) if s == 1]
                windows.append({"context_begin": rows[0], "offsets": [inputs["offset_mapping"][w][i] for i in rows],
                                "logits": torch.stack([out.start_logits[0], out.end_logits[0]], -1).ravel().tolist()})
            theirs = reference.decode(context, windows, version2=version2)
            best = nbest[q["id"]]
            for a, b in zip(best[:3], theirs["n_best"][:3]):
                check.near(a["start_logit"] + a["end_logit"], b["start_logit"] + b["end_logit"], 2e-3, q["id"])
                check.near(a["probability"], b["probability"], 2e-3, q["id"])
            scores = sorted((p["start_logit"] + p["end_logit"] for p in theirs["n_best"]), reverse=True)
            clear = len(scores) < 3 or min(scores[0] - scores[1], scores[1] - scores[2]) > CLOSE
            if clear and abs(theirs.get("null_odds", 1)) > CLOSE:
                check.same(mine[q["id"]], theirs["text"], q["id"])
            if version2:
                check.near(odds[q["id"]], theirs["null_odds"], 2e-3, q["id"])
            scored.append({"golds": [a["text"] for a in q["answers"]], "text": mine[q["id"]], "no_answer": odds.get(q["id"], 0.0)})
        want = reference.evaluate_v2(scored, 1.0) if version2 else reference.evaluate_v1(scored)
        check_metrics(check, answer, want)
        words = ["squad", file, "--predictions-in", predictions] + (["--null-odds-in", self.scratch / "eval_null_odds.json"] if version2 else [])
        check.same(evaluate(self.args.roberta, *words)["metrics"], answer["metrics"], "predictions-in")
        return check.done()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--roberta", default=BUILD / "bin/roberta")
    parser.add_argument("--rows", type=int, default=200)
    args = parser.parse_args()
    bpe, glue, wnut, squad = (shared_data(n) for n in ("roberta_bpe", "glue", "wnut17", "squad"))
    if not (bpe and glue and wnut and squad):
        print("skipped: data are missing")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(args, bpe, scratch)
        bad = runner.glue(glue) + runner.classification(glue) + runner.ner(wnut / "emerging.dev.conll")
        bad += runner.squad(squad / "dev-v1.1.json.zst", False) + runner.squad(squad / "dev-v2.0.json.zst", True)
    print("all equal" if not bad else f"{bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
