"""The tasks of fine-tuning as transformers' example scripts have them: reading, features, and metrics by their references
(sklearn, scipy, seqeval; the arithmetic of SQuAD's official script). Nothing of the library is used."""
import collections
import csv
import dataclasses
import json
import re
import string

import numpy

CLASSES = ["0", "1"]
ENTAILMENT = ["entailment", "not_entailment"]


@dataclasses.dataclass
class Text:
    """Columns by the header's names, or for CoLA, which has none, by place."""
    columns: tuple
    label: str | int
    labels: list | None  # None: a value
    metric: str
    header: bool = True
    scale: float = 1.0


GLUE = {
    "cola": Text((3,), 1, CLASSES, "mcc", header=False),
    "sst2": Text(("sentence",), "label", CLASSES, "accuracy"),
    "stsb": Text(("sentence1", "sentence2"), "score", None, "pearson", scale=0.2),
    "rte": Text(("sentence1", "sentence2"), "label", ENTAILMENT, "accuracy"),
    "wnli": Text(("sentence1", "sentence2"), "label", CLASSES, "accuracy"),
    "qnli": Text(("question", "sentence"), "label", ENTAILMENT, "accuracy"),
    "mnli": Text(("sentence1", "sentence2"), "gold_label", ["entailment", "neutral", "contradiction"], "accuracy"),
    "qqp": Text(("question1", "question2"), "is_duplicate", CLASSES, "accuracy"),
}


class TextTask:
    def __init__(self, name, max_length):
        self.task, self.max_length = GLUE[name], max_length
        self.kind = "classification" if self.task.labels else "regression"
        self.settings = {"num_labels": len(self.task.labels or [0]),
                         "problem_type": "single_label_classification" if self.task.labels else "regression"}
        self.headline = self.task.metric

    def read(self, path):
        """[(texts, label)]."""
        rows = list(csv.reader(open(path, encoding="utf-8", newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
        columns, label = self.task.columns, self.task.label
        if self.task.header:
            header = rows.pop(0)
            columns, label = tuple(header.index(c) for c in columns), header.index(label)
        labels = self.task.labels
        return [(tuple(row[c] for c in columns), labels.index(row[label]) if labels else float(row[label]) * self.task.scale)
                for row in rows]

    def features(self, tokenizer, examples, training):
        texts = [[e[0][i] for e in examples] for i in range(len(self.task.columns))]
        ids = tokenizer(*texts, truncation=True, max_length=self.max_length)["input_ids"]
        return [{"ids": row, "label": e[1]} for row, e in zip(ids, examples)]

    def predictions(self, features, logits, examples):
        rows = numpy.stack(logits)
        return (rows.argmax(-1) if self.task.labels else rows[:, 0]).tolist()

    def metrics(self, predicted, examples):
        from scipy.stats import pearsonr, spearmanr
        from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
        truth = [e[1] for e in examples]
        if not self.task.labels:
            return {"pearson": float(pearsonr(truth, predicted)[0]), "spearmanr": float(spearmanr(truth, predicted)[0])}
        out = {"accuracy": accuracy_score(truth, predicted), "mcc": matthews_corrcoef(truth, predicted)}
        if len(self.task.labels) == 2:
            out["f1"] = f1_score(truth, predicted)
        return {k: float(v) for k, v in out.items()}


class TokenTask:
    kind, headline = "tokens", "f1"

    def __init__(self, train, max_length):
        self.max_length = max_length
        types = sorted({tag[2:] for _, tags in self.read(train) for tag in tags if tag != "O"})
        self.labels = ["O"] + [prefix + t for t in types for prefix in ("B-", "I-")]
        self.settings = {"num_labels": len(self.labels)}

    def read(self, path):
        """[(words, tags)] of CoNLL columns."""
        sentences, words, tags = [], [], []
        for line in [*open(path, encoding="utf-8"), "\n"]:
            fields = line.split()
            if not fields and words:
                sentences.append((words, tags))
                words, tags = [], []
            elif fields:
                words.append(fields[0])
                tags.append(fields[-1])
        return sentences

    def features(self, tokenizer, examples, training):
        encoded = tokenizer([e[0] for e in examples], is_split_into_words=True, truncation=True, max_length=self.max_length)
        out = []
        for i, (_, tags) in enumerate(examples):
            words, seen = encoded.word_ids(i), set()
            labels = [-100] * len(words)
            for place, word in enumerate(words):
                if word is not None and word not in seen:
                    seen.add(word)
                    labels[place] = self.labels.index(tags[word])
            out.append({"ids": encoded["input_ids"][i], "label": labels, "words": words})
        return out

    def predictions(self, features, logits, examples):
        """Tags of each sentence; "O" for words that were cut off."""
        out = []
        for f, rows, (words, _) in zip(features, logits, examples):
            tags = ["O"] * len(words)
            for place, (word, label) in enumerate(zip(f["words"], f["label"])):
                if label != -100:
                    tags[word] = self.labels[int(rows[place].argmax())]
            out.append(tags)
        return out

    def metrics(self, predicted, examples):
        from seqeval.metrics import f1_score, precision_score, recall_score
        truth = [e[1] for e in examples]
        return {"f1": float(f1_score(truth, predicted)), "precision": float(precision_score(truth, predicted)),
                "recall": float(recall_score(truth, predicted))}


class SquadTask:
    """run_qa: windows of 384 with a stride of 128, 20 best starts and ends, answers of at most 30 tokens."""
    kind, headline, settings = "spans", "f1", {"num_labels": 2}

    def __init__(self, max_length):
        self.max_length = max_length

    def read(self, path):
        return [{"id": q["id"], "question": q["question"].lstrip(), "context": p["context"],
                 "answers": [(a["text"], a["answer_start"]) for a in q["answers"]]}
                for article in json.load(open(path))["data"] for p in article["paragraphs"] for q in p["qas"]]

    def features(self, tokenizer, examples, training):
        encoded = tokenizer([e["question"] for e in examples], [e["context"] for e in examples], truncation="only_second",
                            max_length=self.max_length, stride=128, return_overflowing_tokens=True, return_offsets_mapping=True)
        out = []
        for i, example in enumerate(encoded["overflow_to_sample_mapping"]):
            offsets = [o if s == 1 else None for o, s in zip(encoded["offset_mapping"][i], encoded.sequence_ids(i))]
            e = examples[example]
            out.append({"ids": encoded["input_ids"][i], "offsets": offsets, "example": example,
                        "label": self.target(offsets, *e["answers"][0]) if training else [0, 0]})
        return out

    @staticmethod
    def target(offsets, text, begin):
        """First and last token of the answer; <s> for both where this window has not all of it."""
        inside = [i for i, o in enumerate(offsets) if o]
        end = begin + len(text)
        if offsets[inside[0]][0] > begin or offsets[inside[-1]][1] < end:
            return [0, 0]
        first = max((i for i in inside if offsets[i][0] <= begin), default=inside[0])
        last = min((i for i in inside if offsets[i][1] >= end), default=inside[-1])
        return [first, last]

    def predictions(self, features, logits, examples):
        best = [(-1e30, "")] * len(examples)
        for f, rows in zip(features, logits):
            start, end = rows[:, 0], rows[:, 1]
            for s in numpy.argsort(start)[-1:-21:-1]:
                for e in numpy.argsort(end)[-1:-21:-1]:
                    if f["offsets"][s] and f["offsets"][e] and s <= e < s + 30 and start[s] + end[e] > best[f["example"]][0]:
                        text = examples[f["example"]]["context"][f["offsets"][s][0]:f["offsets"][e][1]]
                        best[f["example"]] = (start[s] + end[e], text)
        return [text for _, text in best]

    def metrics(self, predicted, examples):
        golds = [[a for a, _ in e["answers"]] for e in examples]
        exact = [max(normalize(a) == normalize(p) for a in g) for p, g in zip(predicted, golds)]
        f1 = [max(word_f1(a, p) for a in g) for p, g in zip(predicted, golds)]
        return {"f1": 100 * float(numpy.mean(f1)), "exact": 100 * float(numpy.mean(exact))}


def normalize(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def word_f1(gold, predicted):
    gold, predicted = normalize(gold).split(), normalize(predicted).split()
    if not gold or not predicted:
        return float(gold == predicted)
    same = sum((collections.Counter(gold) & collections.Counter(predicted)).values())
    return 2 * same / (len(gold) + len(predicted)) if same else 0.0


def open_task(name, train, max_length):
    if name in GLUE:
        return TextTask(name, max_length)
    return TokenTask(train, max_length) if name == "token-classification" else SquadTask(max_length)
