"""What the heads of classifiers, taggers and question answering are held against: transformers' models in double precision.

A sequence is {"ids", "sample", "positions", "targets", "values"}: `positions` the rows that the head reads, `targets` a label
for each (of spans: start and end as rows, and no positions), `values` the targets of regression and multi-label.
"""
import dataclasses

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from transformers import RobertaForQuestionAnswering, RobertaForSequenceClassification, RobertaForTokenClassification

from training_reference import Injected, Reference

# Where a head has dropout (src/model/pass.h): before its first linear map, and after its dense layer.
HEAD_INPUT, HEAD_INNER = 0xFFFFFFFE, 0xFFFFFFFD

MODELS = {"classification": RobertaForSequenceClassification, "regression": RobertaForSequenceClassification,
          "multi_label": RobertaForSequenceClassification, "tokens": RobertaForTokenClassification,
          "spans": RobertaForQuestionAnswering}
PROBLEMS = {"classification": "single_label_classification", "regression": "regression",
            "multi_label": "multi_label_classification"}


@dataclasses.dataclass
class Objective:
    kind: str
    labels: int = 2
    smoothing: float = 0.0

    def settings(self):
        """Of the config."""
        problem = {"problem_type": PROBLEMS[self.kind]} if self.kind in PROBLEMS else {}
        return {"num_labels": self.labels, **problem}

    def request(self):
        """As build/tests/training_probe reads it."""
        return {"kind": self.kind, "labels": self.labels, "label_smoothing": self.smoothing}


def make_batch(config, objective, rng, first_sample, count=6, longest=60):
    """Sequences of mixed lengths, the shortest and the longest among them."""
    most = config.max_position_embeddings - config.pad_token_id - 1
    batch = []
    for i in range(count):
        length = (3, most)[i] if i < 2 else rng.randint(5, min(longest, most))
        ids = [rng.randrange(config.pad_token_id + 1, config.vocab_size) for _ in range(length)]
        batch.append({"ids": ids, "sample": first_sample + i, **make_targets(objective, rng, length)})
    return batch


def make_targets(objective, rng, length):
    n = objective.labels
    if objective.kind == "classification":
        return {"positions": [0], "targets": [rng.randrange(n)], "values": []}
    if objective.kind == "regression":
        return {"positions": [0], "targets": [], "values": [rng.gauss(0, 1)]}
    if objective.kind == "multi_label":
        return {"positions": [0], "targets": [], "values": [float(rng.random() < 0.4) for _ in range(n)]}
    if objective.kind == "tokens":
        positions = sorted(rng.sample(range(length), max(1, length // 2)))
        return {"positions": positions, "targets": [rng.randrange(n) for _ in positions], "values": []}
    start = rng.randrange(length)
    return {"positions": [], "targets": [start, rng.randrange(start, length)], "values": []}


class HeadDropout(torch.nn.Module):
    """Replaces the dropout that RobertaClassificationHead uses twice, on <s> only."""

    def __init__(self, masks, rate):
        super().__init__()
        self.masks, self.p, self.calls = masks, rate, 0

    def forward(self, x):
        site = (HEAD_INPUT, HEAD_INNER)[self.calls % 2]
        self.calls += 1
        return self.masks.rows(x[None], self.p, site)[0]


class HeadReference(Reference):
    """One sequence at a time, so that nothing is padded, with the library's dropout."""

    def __init__(self, model, objective):
        """model: of transformers in double, opened by Reference.open; may be wrapped by PEFT afterwards."""
        self.objective = objective
        self.adopt(model)
        config = model.config
        rate = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        if objective.kind == "tokens":
            model.dropout = Injected(self.masks, rate, HEAD_INPUT)
        elif objective.kind != "spans":
            model.classifier.dropout = HeadDropout(self.masks, rate)

    def units(self, sequence):
        return len(sequence["values"] or sequence["targets"])

    def loss(self, sequence):
        y = self.model(input_ids=torch.tensor([sequence["ids"]]))
        targets = torch.tensor(sequence["targets"])
        if self.objective.kind == "spans":
            return cross_entropy(y.start_logits, targets[:1]) + cross_entropy(y.end_logits, targets[1:])
        if self.objective.kind in ("regression", "multi_label"):
            loss = mse_loss if self.objective.kind == "regression" else binary_cross_entropy_with_logits
            return loss(y.logits[0], torch.tensor(sequence["values"], dtype=y.logits.dtype), reduction="sum")
        logits = y.logits[0, sequence["positions"]] if self.objective.kind == "tokens" else y.logits
        return cross_entropy(logits, targets, reduction="sum", label_smoothing=self.objective.smoothing)


def padded(model, objective, batch):
    """The batch as transformers' collators make it: padded to the longest, places without a label -100."""
    longest = max(len(s["ids"]) for s in batch)
    pad = model.config.pad_token_id
    inputs = {"input_ids": torch.tensor([s["ids"] + [pad] * (longest - len(s["ids"])) for s in batch]),
              "attention_mask": torch.tensor([[1] * len(s["ids"]) + [0] * (longest - len(s["ids"])) for s in batch])}
    if objective.kind == "tokens":
        labels = torch.full((len(batch), longest), -100)
        for row, s in zip(labels, batch):
            row[s["positions"]] = torch.tensor(s["targets"])
        inputs["labels"] = labels
    elif objective.kind == "spans":
        inputs["start_positions"] = torch.tensor([s["targets"][0] for s in batch])
        inputs["end_positions"] = torch.tensor([s["targets"][1] for s in batch])
    elif objective.kind == "classification":
        inputs["labels"] = torch.tensor([s["targets"][0] for s in batch])
    else:
        inputs["labels"] = torch.tensor([s["values"] for s in batch], dtype=torch.float64)
    return inputs


def own_loss(model, objective, batch):
    """The loss as the model and Trainer compute it themselves, of a padded batch without dropout. Question answering has
    the padding's logits in its softmax: its batches must be of one length."""
    assert objective.kind != "spans" or len({len(s["ids"]) for s in batch}) == 1
    inputs = padded(model, objective, batch)
    outputs = model(**inputs)
    if not objective.smoothing:
        return outputs.loss
    from transformers.trainer_pt_utils import LabelSmoother
    return LabelSmoother(objective.smoothing)(outputs, inputs["labels"])


def equal_lengths(config, objective, rng, first_sample, count, length):
    """A batch of one length, for question answering."""
    ids = [[rng.randrange(config.pad_token_id + 1, config.vocab_size) for _ in range(length)] for _ in range(count)]
    return [{"ids": row, "sample": first_sample + i, **make_targets(objective, rng, length)} for i, row in enumerate(ids)]

