#!/usr/bin/env python3
"""Makes tests/golden/heads: heads of classifiers for the encoder of tests/golden/tiny-roberta, a LoRA adapter made by
PEFT, and golden.json, what transformers computes with them. Needs torch, transformers (5), peft, safetensors, numpy.

The encoder is not stored again: the tests put tiny-roberta's tensors and a head's together. Question answering left
transformers with version 5, so the pipeline of version 4 (4.57) is written down here, from its behaviour."""
import json
import os
import tempfile

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (AutoModelForQuestionAnswering, AutoModelForSequenceClassification,
                          AutoModelForTokenClassification, RobertaTokenizerFast, pipeline)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden")
BASE, OUT = os.path.join(ROOT, "tiny-roberta"), os.path.join(ROOT, "heads")
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Paris is the capital of France, and London isn't.",
    "it's a naïve café — 日本 \u00a0! don ' t   stop  ",
    "é sells <mask> sea-shells; the <unk> dog's fox",
    "a",
]
LONG = " ".join(TEXTS[:2] * 4)
PAIRS = [("The dog sleeps.", "The fox is gone."), ("a", " b"), ("The café is open. " * 6, "She sells sea shells. " * 6)]
QUESTIONS = [
    ("What is the capital of France?", "Paris is the capital of France, and London is the capital of England."),
    ("Who sells shells?", "She sells sea shells by the sea shore. He isn't sure that the shells she sells are sea shells. "
     "The café is open. It's there, they said, that the other brother had gathered the feathers."),
    (" Is the café  open?", "日本 café — it's open   !\n\nThe  The the THE fox"),
    ("dog", "The dog sleeps; the fox is gone"),
]
SEQUENCE_LABELS = ["contradiction", "neutral", "Entailment"]
TOKEN_LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "X-Y-Z"]


def rounded(values):
    return [float(f"{v:.7g}") for v in values]


def make_head(kind, model_class, scale, **config):
    """A head with random weights; saved separately, and with the encoder for transformers."""
    model = model_class.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager", **config).eval()
    names = [n for n, _ in model.named_parameters() if not n.startswith("roberta.")]
    for name, p in model.named_parameters():
        if name in names:
            torch.nn.init.normal_(p, 0, scale)
    if kind == "tokens":
        centre(model, RobertaTokenizerFast.from_pretrained(BASE), TEXTS)
    save_file({n: p.detach().contiguous() for n, p in model.named_parameters() if n in names},
              os.path.join(OUT, f"{kind}.safetensors"), metadata={"format": "pt"})
    return model


def labels_of(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


@torch.no_grad()
def logits_of(model, ids):
    y = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)))
    return y.logits[0] if hasattr(y, "logits") else torch.stack([y.start_logits[0], y.end_logits[0]], -1)


def sequence_goldens(model, tokenizer):
    encode = lambda t: tokenizer(*([t] if isinstance(t, str) else t), truncation=True)["input_ids"]
    rows = [{"ids": encode(t), "logits": rounded(logits_of(model, encode(t)).tolist())} for t in TEXTS + PAIRS]
    classify = []
    for problem in [None, "multi_label_classification", "regression"]:
        for function in [None, "softmax", "sigmoid", "none"]:
            model.config.problem_type = problem
            pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device=-1)
            kwargs = {} if function is None else {"function_to_apply": function}
            answers = [pipe({"text": t} if isinstance(t, str) else {"text": t[0], "text_pair": t[1]},
                            top_k=None, truncation=True, **kwargs) for t in TEXTS[:2] + PAIRS]
            classify.append({"problem": problem or "", "function": function or "auto", "answers": answers})
    model.config.problem_type = None
    shots = []
    for names in [SEQUENCE_LABELS, SEQUENCE_LABELS[::-1]]:
        model.config.id2label, model.config.label2id = labels_of(names)["id2label"], labels_of(names)["label2id"]
        pipe = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device=-1)
        for labels, options in [(["fox", "café", "the capital"], {}), (["fox", "dog"], {"multi_label": True}),
                                (["sea"], {}), (["dog", "x", "sea"], {"hypothesis_template": "It is {}!"})]:
            shots.append({"model_labels": names, "labels": labels, "multi_label": options.get("multi_label", False),
                          "template": options.get("hypothesis_template", "This example is {}."),
                          "answers": [pipe(t, labels, **options) for t in TEXTS[:2] + [LONG]]})
    return {"labels": SEQUENCE_LABELS, "texts": TEXTS, "pairs": PAIRS, "rows": rows,
            "classify": classify, "zero_shot": shots, "long": LONG}


def plain(entities):
    """[label, score, index, word, start, end]"""
    return [[e.get("entity", e.get("entity_group")), float(f"{e['score']:.7g}"), int(e.get("index", 0)), e["word"],
             int(e["start"]), int(e["end"])] for e in entities]


def centre(model, tokenizer, texts):
    """Takes what all tokens have in common out of the logits, so that labels change along a text."""
    means = torch.stack([logits_of(model, tokenizer(t)["input_ids"]).mean(0) for t in texts]).mean(0)
    with torch.no_grad():
        model.classifier.bias -= means


def tag_windows(pipe, text, stride, aggregation):
    """Each token with the scores of the window in which it has most context; the pipeline's own steps after that."""
    tokenizer, model = pipe.tokenizer, pipe.model
    windows = tokenizer(text, truncation=True, stride=stride, return_overflowing_tokens=True)["input_ids"]
    whole = tokenizer(text, return_offsets_mapping=True)
    step, best = len(windows[0]) - 2 - stride, {}
    for w, ids in enumerate(windows):
        scores = torch.softmax(logits_of(model, ids), -1).numpy()
        for i in range(len(ids) - 2):
            context = min(i, len(ids) - 3 - i)
            if context > best.get(w * step + i, (-1,))[0]:
                best[w * step + i] = (context, scores[i + 1])
    ids = whole["input_ids"]
    scores = np.stack([np.zeros(len(TOKEN_LABELS))] + [best[i][1] for i in range(len(best))] + [np.zeros(len(TOKEN_LABELS))])
    special = np.array([1] + [0] * (len(ids) - 2) + [1])
    entities = pipe.gather_pre_entities(text, np.array(ids), scores, np.array(whole["offset_mapping"]), special, aggregation)
    return [e for e in pipe.aggregate(entities, aggregation)
            if e.get("entity", "") != "O" and e.get("entity_group", "") != "O"]


def token_goldens(model, tokenizer):
    from transformers.pipelines.token_classification import AggregationStrategy
    rows = [{"ids": tokenizer(t)["input_ids"], "logits": [rounded(r.tolist()) for r in logits_of(model, tokenizer(t)["input_ids"])]}
            for t in TEXTS[:2]]
    pipe = pipeline("token-classification", model=model, tokenizer=tokenizer, device=-1)
    words = [t.split() for t in TEXTS[:3]] + [["sea", "New York", "é", "fox's"]]
    prefixed = RobertaTokenizerFast.from_pretrained(BASE, add_prefix_space=True)
    of_words = pipeline("token-classification", model=model, tokenizer=prefixed, device=-1)
    tags = []
    for name in ["none", "simple", "first", "average", "max"]:
        tags.append({"aggregation": name,
                     "answers": [plain(pipe(t, aggregation_strategy=name)) for t in TEXTS],
                     "all": plain(pipe(TEXTS[2], aggregation_strategy=name, ignore_labels=[])),
                     "words": [plain(of_words(w, is_split_into_words=True, aggregation_strategy=name)[0]) for w in words],
                     "long": plain(tag_windows(pipe, LONG, 16, AggregationStrategy[name.upper()]))})
    return {"labels": TOKEN_LABELS, "texts": TEXTS, "words": words, "long": LONG, "stride": 16, "rows": rows, "tags": tags}


def span_candidates(start, end, count, longest):
    """The best spans by start x end probability, <s> left out."""
    product = np.triu(np.outer(start, end))
    product = np.tril(product, longest - 1).ravel()
    some = np.flatnonzero(product)
    order = some[np.argsort(-product[some], kind="stable")[:count]]
    return [(i // len(end), i % len(end), float(product[i])) for i in order]


def answer_question(model, tokenizer, question, context, top_k=1, max_length=384, stride=128, longest=15,
                    impossible=False, align=True):
    max_length = min(max_length, tokenizer.model_max_length)
    stride = min(stride, max_length // 2)
    encoded = tokenizer(question, context, truncation="only_second", max_length=max_length, stride=stride,
                        return_overflowing_tokens=True, return_offsets_mapping=True)
    answers, null = [], 1e6
    for w, ids in enumerate(encoded["input_ids"]):
        encoding = encoded.encodings[w]
        open_ = np.array([i == 0 or s == 1 for i, s in enumerate(encoding.sequence_ids)])
        logits = logits_of(model, ids).numpy().astype(np.float64)
        start, end = [np.exp(np.where(open_, x, -10000.0) - np.where(open_, x, -10000.0).max()) for x in logits.T]
        start, end = start / start.sum(), end / end.sum()
        null = min(null, start[0] * end[0])
        start[0] = end[0] = 0
        for s, e, score in span_candidates(start, end, 2 * top_k + 10 if align else top_k, longest):
            if align:
                begin = encoding.word_to_chars(encoding.token_to_word(s), 1)[0]
                stop = encoding.word_to_chars(encoding.token_to_word(e), 1)[1]
            else:
                begin, stop = encoding.offsets[s][0], encoding.offsets[e][1]
            text = context[begin:stop]
            same = next((a for a in answers if a["answer"].lower() == text.lower()), None)
            if same:
                same["score"] += score
            else:
                answers.append({"score": score, "start": begin, "end": stop, "answer": text})
    if impossible:
        answers.append({"score": float(null), "start": 0, "end": 0, "answer": ""})
    return sorted(answers, key=lambda a: -a["score"])[:top_k]


def span_goldens(model, tokenizer):
    rows = []
    for question, context in QUESTIONS[:2]:
        ids = tokenizer(question, context, truncation=True)["input_ids"]
        rows.append({"ids": ids, "logits": [rounded(r.tolist()) for r in logits_of(model, ids)]})
    options = [{}, {"top_k": 4}, {"top_k": 3, "impossible": True}, {"top_k": 3, "align": False, "longest": 4},
               {"top_k": 2, "max_length": 30, "stride": 5}]
    return {"questions": QUESTIONS, "rows": rows,
            "answers": [{"options": o, "answers": [answer_question(model, tokenizer, q, c, **o) for q, c in QUESTIONS]}
                        for o in options]}


def adapter_goldens(tokenizer):
    """A LoRA adapter by PEFT, for three labels: what transformers says with it, which merging must give too."""
    base = AutoModelForSequenceClassification.from_pretrained(BASE, dtype=torch.float32, num_labels=3)
    model = get_peft_model(base, LoraConfig(
        task_type="SEQ_CLS", r=3, lora_alpha=5, target_modules=["query", "value", "intermediate.dense", "output.dense"]))
    for name, p in model.named_parameters():
        if p.requires_grad:
            torch.nn.init.normal_(p, 0, 0.3)
    model.eval()
    model.peft_config["default"].base_model_name_or_path = "../../tiny-roberta"
    model.save_pretrained(os.path.join(OUT, "lora"))
    os.remove(os.path.join(OUT, "lora", "README.md"))
    again = PeftModel.from_pretrained(
        AutoModelForSequenceClassification.from_pretrained(BASE, dtype=torch.float32, num_labels=3), os.path.join(OUT, "lora"))
    merged = again.merge_and_unload().eval()
    rows = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            y = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits[0]
        assert torch.allclose(y, logits_of(merged, ids), atol=1e-4)
        rows.append({"ids": ids, "logits": rounded(y.tolist())})
    return {"rows": rows}


def main():
    torch.manual_seed(7)
    os.makedirs(OUT, exist_ok=True)
    tokenizer = RobertaTokenizerFast.from_pretrained(BASE)
    sequence = make_head("sequence", AutoModelForSequenceClassification, 0.3, **labels_of(SEQUENCE_LABELS))
    tokens = make_head("tokens", AutoModelForTokenClassification, 0.5, **labels_of(TOKEN_LABELS))
    spans = make_head("spans", AutoModelForQuestionAnswering, 0.5)
    golden = {"sequence": sequence_goldens(sequence, tokenizer), "tokens": token_goldens(tokens, tokenizer),
              "spans": span_goldens(spans, tokenizer), "lora": adapter_goldens(tokenizer)}
    with open(os.path.join(OUT, "golden.json"), "w", encoding="utf-8") as out:
        json.dump(golden, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
