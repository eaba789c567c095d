"""Metrics as their references define them: sklearn, scipy, seqeval, the official SQuAD scripts, run_qa's decoding.

A case is a dict with "op" and its inputs; reference(case) is what must come out. tests/tasks/metrics/metric_cases.h is the same for
the library. cases(random) makes edge cases and random ones.
"""
import collections
import math
import random as randoms
import re
import string
import warnings

import numpy as np
import scipy.stats
import sklearn.metrics
from seqeval.metrics import accuracy_score, classification_report, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

warnings.filterwarnings("ignore")


# Classes, sets of labels, values.

def classes(truth, predicted, labels):
    m = sklearn.metrics
    out = {"accuracy": m.accuracy_score(truth, predicted)}
    averages = {"_macro": "macro", "_micro": "micro", "_weighted": "weighted"}
    if labels == 2:  # only what is defined: of 0 and 1 all
        averages[""] = "binary"
    for suffix, average in averages.items():
        p, r, f, _ = m.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        out |= {"f1" + suffix: f, "precision" + suffix: p, "recall" + suffix: r}
    out["mcc"] = m.matthews_corrcoef(truth, predicted)
    out["balanced_accuracy"] = m.balanced_accuracy_score(truth, predicted)
    return out


def sets(truth, predicted, labels):
    truth, predicted = (np.array(x).reshape(-1, labels) for x in (truth, predicted))
    out = {"accuracy": np.mean((truth == predicted).all(axis=1))}
    for average in ("micro", "macro", "weighted"):
        # A single column would be taken for classes: give the counts by column.
        p, r, f, n = sklearn.metrics.precision_recall_fscore_support(truth, predicted, average=None, zero_division=0) \
            if labels > 1 else tuple(np.array([x]) for x in _column(truth, predicted))
        if average == "micro":
            tp, positives, true = (truth & predicted).sum(), predicted.sum(), truth.sum()
            p, r, f = (a / b if b else 0 for a, b in ((tp, positives), (tp, true), (2 * tp, positives + true)))
        elif average == "macro":
            p, r, f = p.mean(), r.mean(), f.mean()
        else:
            p, r, f = (np.average(x, weights=n) if n.sum() else 0 for x in (p, r, f))
        if labels > 1:
            theirs = sklearn.metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
            assert np.allclose([p, r, f], theirs[:3], atol=1e-12, rtol=0)
        out |= {"f1_" + average: f, "precision_" + average: p, "recall_" + average: r}
    return out


def _column(truth, predicted):
    truth, predicted = truth[:, 0], predicted[:, 0]
    p, r, f, _ = sklearn.metrics.precision_recall_fscore_support(truth, predicted, labels=[1], average="macro", zero_division=0)
    return p, r, f, truth.sum()


def values(truth, predicted):
    x, y = np.array(truth, np.float64), np.array(predicted, np.float64)
    if len(x) < 2:
        p = s = math.nan
    else:
        p, s = scipy.stats.pearsonr(x, y)[0], scipy.stats.spearmanr(x, y)[0]
    return {"pearson": p, "spearmanr": s, "combined": (p + s) / 2, "mse": sklearn.metrics.mean_squared_error(x, y)}


# Entities.

def entities(truth, predicted):
    out = {"f1": f1_score(truth, predicted), "precision": precision_score(truth, predicted),
           "recall": recall_score(truth, predicted), "accuracy": accuracy_score(truth, predicted)}
    report = classification_report(truth, predicted, output_dict=True)
    types = [t for t in report if t not in ("micro avg", "macro avg", "weighted avg")]
    out["f1_macro"] = report["macro avg"]["f1-score"] if types else 0.0
    out["f1_weighted"] = report["weighted avg"]["f1-score"] if types else 0.0
    for t in types:
        row = report[t]
        out |= {t + "_precision": row["precision"], t + "_recall": row["recall"], t + "_f1": row["f1-score"], t + "_number": row["support"]}
    return out


# The official scripts of SQuAD.

def normalize_answer(s):
    s = "".join(ch for ch in s.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", s).split())


def exact(gold, text):
    return int(normalize_answer(gold) == normalize_answer(text))


def f1_v1(gold, text):
    text, gold = normalize_answer(text).split(), normalize_answer(gold).split()
    same = sum((collections.Counter(text) & collections.Counter(gold)).values())
    if same == 0:
        return 0
    precision, recall = same / len(text), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def f1_v2(gold, text):
    gold_words = normalize_answer(gold).split() if gold else []
    text_words = normalize_answer(text).split() if text else []
    if len(gold_words) == 0 or len(text_words) == 0:
        return int(gold_words == text_words)
    return f1_v1(gold, text)


def evaluate_v1(predictions):
    e = [max((exact(g, p["text"]) for g in p["golds"]), default=0) for p in predictions]
    f = [max((f1_v1(g, p["text"]) for g in p["golds"]), default=0) for p in predictions]
    n = len(predictions)
    return {"exact": 100.0 * sum(e) / n, "f1": 100.0 * sum(f) / n, "total": n}


def find_best_thresh(preds, scores, na_probs, has_ans):
    score = best = sum(1 for q in has_ans if not has_ans[q])
    thresh = 0.0
    for q in sorted(na_probs, key=lambda k: na_probs[k]):
        if has_ans[q]:
            diff = scores[q]
        else:
            diff = -1 if preds[q] else 0
        score += diff
        if score > best:
            best, thresh = score, na_probs[q]
    return 100.0 * best / len(scores), thresh


def evaluate_v2(predictions, threshold):
    preds, na_probs, has_ans, exact_raw, f1_raw = {}, {}, {}, {}, {}
    for q, p in enumerate(predictions):
        preds[q], na_probs[q], has_ans[q] = p["text"], p["no_answer"], bool(p["golds"])
        golds = [g for g in p["golds"] if normalize_answer(g)] or [""]
        exact_raw[q] = max(exact(g, p["text"]) for g in golds)
        f1_raw[q] = max(f1_v2(g, p["text"]) for g in golds)

    def thresholded(scores):
        return {q: float(not has_ans[q]) if na_probs[q] > threshold else s for q, s in scores.items()}
    e, f = thresholded(exact_raw), thresholded(f1_raw)
    out = {}
    for prefix, ids in (("", list(e)), ("HasAns_", [q for q in e if has_ans[q]]), ("NoAns_", [q for q in e if not has_ans[q]])):
        if ids:
            out |= {prefix + "exact": 100.0 * sum(e[q] for q in ids) / len(ids),
                    prefix + "f1": 100.0 * sum(f[q] for q in ids) / len(ids), prefix + "total": len(ids)}
    out["best_exact"], out["best_exact_thresh"] = find_best_thresh(preds, exact_raw, na_probs, has_ans)
    out["best_f1"], out["best_f1_thresh"] = find_best_thresh(preds, f1_raw, na_probs, has_ans)
    return out


# run_qa's postprocess_qa_predictions, for one question.

def decode(context, windows, n_best=20, max_answer=30, version2=False, null_threshold=0.0, max_context=False):
    null, found = None, []
    for w in windows:
        logits = np.array(w["logits"], np.float32).reshape(-1, 2)
        start, end = logits[:, 0], logits[:, 1]
        first = w["context_begin"]
        offsets = [None] * first + [tuple(o) for o in w["offsets"]]
        offsets += [None] * (len(start) - len(offsets))
        score = start[0] + end[0]
        if null is None or null["score"] > score:
            null = {"offsets": (0, 0), "score": score, "start_logit": start[0], "end_logit": end[0]}
        starts = np.argsort(-start, kind="stable")[:n_best].tolist()
        ends = np.argsort(-end, kind="stable")[:n_best].tolist()
        for s in starts:
            for e in ends:
                if offsets[s] is None or offsets[e] is None or e < s or e - s + 1 > max_answer:
                    continue
                if max_context and not w["best"][s - first]:
                    continue
                found.append({"offsets": (offsets[s][0], offsets[e][1]), "score": start[s] + end[e], "start_logit": start[s], "end_logit": end[e]})
    null_score = null["score"]
    if version2:
        found.append(null)
    predictions = sorted(found, key=lambda x: x["score"], reverse=True)[:n_best]
    if version2 and not any(p["offsets"] == (0, 0) for p in predictions):
        predictions.append(null)
    for p in predictions:
        begin, end = p.pop("offsets")
        p["text"] = context[begin:end]
    if len(predictions) == 0 or (len(predictions) == 1 and predictions[0]["text"] == ""):
        predictions.insert(0, {"text": "empty", "start_logit": 0.0, "end_logit": 0.0, "score": 0.0})
    scores = np.array([p.pop("score") for p in predictions], np.float64)
    weights = np.exp(scores - np.max(scores))
    for probability, p in zip(weights / weights.sum(), predictions):
        p["probability"] = float(probability)
        p["start_logit"], p["end_logit"] = float(p["start_logit"]), float(p["end_logit"])
    out = {"n_best": [{k: p[k] for k in ("start_logit", "end_logit", "text", "probability")} for p in predictions]}
    if not version2:
        return out | {"text": predictions[0]["text"]}
    best = next(p for p in predictions if p["text"] != "")
    odds = np.float32(null_score) - np.float32(best["start_logit"]) - np.float32(best["end_logit"])
    return out | {"null_odds": float(odds), "text": "" if odds > null_threshold else best["text"]}


def reference(case):
    case = dict(case)
    op = case.pop("op")
    if op == "squad":
        return evaluate_v2(case["predictions"], case["threshold"]) if case["version2"] else evaluate_v1(case["predictions"])
    if op == "chunks":
        return [[t, b, e + 1] for t, b, e in get_entities(case["tags"])]
    if op == "normalize":
        return normalize_answer(case["text"])
    if op == "lower":
        return case["text"].lower()
    return {"classes": classes, "sets": sets, "values": values, "entities": entities, "decode": decode}[op](**case)


def plain(value):
    """For JSON: no numpy types, NaN as null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, (str, bool, int)):
        return value
    return None if math.isnan(float(value)) else float(value)


# Cases.

TYPES = ("person", "group", "a-b", "x")
TRICKY = ["", " ", "the", "The The", "a", "an A the", "THE Beatles!", "the-beatles", "U.S.A.", "U. S. A.", "“the end”", "naïve", "NAÏVE",
          "İstanbul", "ΟΔΟΣ", "ὈΔΥΣΣΕΎΣ ΣΑΣ", "Σ", "ΑΣ.", "ΑΣ\u00adΑ", "straße", "STRASSE", "ẞ", "a€", "the€ cat", "a_b the", "an\u00a0apple", "x\u2028the\u3000y",
          "\x1cthe\x1f", "tab\tthe\nline", "$5,000", "5000", "50 %", "Ǆ ǅ ǆ", "ﬁ", "１２３", "Ⅷ", "the²", "²the", "e\u0301 the", "the\u0301 cat", "🙂 the 🙂", "’s the", "'s a's",
          "A. a! an? the;", "\u200bthe", "\ufeffa", "ꙮ A", "Æ The", "ﷺ a", "Ⓐ", "𐐀 The", "\u0130\u0130", "ɑ а a"]


def f32(x):
    return float(np.float32(x))


def random_tags(rng, length):
    style = rng.choice(["iob2", "wild", "bioes", "other"])
    out = []
    for _ in range(length):
        prefix = {"iob2": "OOBI", "wild": "OBI", "bioes": "OBIES", "other": "OBIES.X"}[style]
        p = rng.choice(prefix)
        out.append(p if p == "O" else rng.choice([p + "-" + rng.choice(TYPES)] * 8 + [p, p + "-"]))
    return out


def wrong_now_and_then(rng, tags):
    share = rng.choice([0, 0.1, 0.5, 1])
    return [rng.choice(random_tags(rng, 1)) if rng.random() < share else t for t in tags]


def random_text(rng):
    if rng.random() < 0.3:
        return rng.choice(TRICKY)
    return rng.choice([" ", "  ", "-", ", "]).join(rng.choice(TRICKY + ["cat", "Cat", "dog", "in", "1999"]) for _ in range(rng.randint(1, 6)))


def squad_case(rng, n, version2):
    predictions = []
    for _ in range(n):
        golds = [random_text(rng) for _ in range(rng.randint(0 if version2 else 1, 3))]
        text = rng.choice(golds + [random_text(rng), ""])
        predictions.append({"golds": golds, "text": text, "no_answer": rng.choice([0.0, 0.5, 1.0, 2.0, rng.gauss(0, 3)])})
    return {"op": "squad", "version2": version2, "threshold": rng.choice([1.0, 0.0, -1.0, 0.5]) if version2 else 1.0, "predictions": predictions}


def decode_case(rng):
    context = "".join(rng.choice("ab é日🙂 ") for _ in range(rng.randint(6, 60)))
    windows = []
    for _ in range(rng.randint(1, 3)):
        begin, tokens = rng.randint(1, 5), rng.randint(1, 12)
        cuts = sorted(rng.sample(range(len(context) + 1), min(tokens + 1, len(context) + 1)))
        if rng.random() < 0.8:
            cuts[0] = max(cuts[0], 1)
        offsets = [[a, b] for a, b in zip(cuts, cuts[1:]) if b > a] or [[1, 2]]
        length = begin + len(offsets) + 1
        grain = rng.choice([0.5, 1e-3])
        logits = [f32(round(rng.gauss(0, 3) / grain) * grain) for _ in range(2 * length)]
        windows.append({"context_begin": begin, "offsets": offsets, "logits": logits, "best": [rng.randint(0, 1) for _ in offsets]})
    return {"op": "decode", "context": context, "windows": windows, "n_best": rng.choice([1, 2, 5, 20]), "max_answer": rng.choice([1, 3, 30]),
            "version2": rng.random() < 0.6, "null_threshold": rng.choice([0.0, 0.0, 2.0, -2.0]), "max_context": rng.random() < 0.3}


def class_case(rng, n, labels):
    skew = [rng.random() ** 3 for _ in range(labels)]
    truth = rng.choices(range(labels), skew, k=n)
    share = rng.choice([0, 0.2, 0.5, 1])
    predicted = [rng.randrange(labels) if rng.random() < share else t for t in truth]
    return {"op": "classes", "truth": truth, "predicted": predicted, "labels": labels}


def value_case(rng, n):
    truth = [f32(rng.choice([rng.gauss(0, 1), rng.randint(0, 5), rng.random() * 1e-3 + 4])) for _ in range(n)]
    predicted = [f32(t + rng.gauss(0, 1)) if rng.random() < 0.8 else f32(rng.randint(0, 3)) for t in truth]
    return {"op": "values", "truth": truth, "predicted": predicted}


def edge_cases():
    yield from ({"op": "classes", "truth": t, "predicted": p, "labels": k} for t, p, k in (
        ([1, 1], [1, 1], 2), ([0, 0], [0, 0], 2), ([0, 0], [1, 1], 2), ([1, 1], [0, 0], 2), ([0, 1], [0, 0], 2), ([0, 1], [1, 0], 2), ([2, 2, 2], [0, 1, 2], 3), ([0], [1], 3)))
    yield from ({"op": "sets", "truth": t, "predicted": p, "labels": k} for t, p, k in (
        ([0, 0, 0, 0], [0, 0, 0, 0], 2), ([1, 1, 1, 1], [0, 0, 0, 0], 2), ([1, 0, 0, 1], [1, 0, 1, 1], 2), ([1, 0, 1], [1, 1, 0], 1)))
    yield from ({"op": "values", "truth": t, "predicted": p} for t, p in (
        ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [5, 5, 5]), ([1, 2], [3, 4]), ([1, 2], [4, 3]), ([1, 2, 2, 3], [1, 1, 2, 2]), ([4], [4]), ([0, 1e-3, 2e-3], [1, 1, 1.5])))
    tags = (["O"], ["I-x"], ["B-x", "I-y", "I-y", "O", "I-y"], ["B-x", "B-x"], ["S-x", "S-x", "I-x", "E-x", "E-x"], ["B", "I", "O", "B-"], ["B-x", ".-x", "I-x"], ["I-a-b", "I-a-c"],
            ["X-x", "X-y", "O"], ["O-x", "I-x"], ["Bx-y", "Ix-y"], ["é-x", "I-x"])
    for t in tags:
        yield {"op": "chunks", "tags": list(t)}
        yield {"op": "entities", "truth": [list(t)], "predicted": [["O"] * len(t)]}
        yield {"op": "entities", "truth": [["O"] * len(t)], "predicted": [list(t)]}
    # A chunk without a beginning of its own reaches back into the sentence before.
    yield {"op": "entities", "truth": [["O", "B-x"], ["O", "X-x", "X-y", "X-x"]], "predicted": [["B-x", "O"], ["O", "X-x", "X-y", "X-x"]]}
    yield {"op": "entities", "truth": [["B-x"], ["B-y", "I-y"]], "predicted": [["B-y"], ["B-y", "I-y"]]}
    for text in TRICKY:
        yield {"op": "normalize", "text": text}
        yield {"op": "lower", "text": text}
    for version2 in (False, True):
        golds = [["the"], ["The cat", "a cat"], ["x y z"]] + ([[]] if version2 else [])
        for text in ("", "the", "cat", "x z z"):
            yield {"op": "squad", "version2": version2, "threshold": 1.0,
                   "predictions": [{"golds": g, "text": text, "no_answer": float(i)} for i, g in enumerate(golds)]}
    yield {"op": "squad", "version2": True, "threshold": 1.0, "predictions": [{"golds": [], "text": "", "no_answer": 2.0}]}
    yield {"op": "squad", "version2": True, "threshold": 1.0, "predictions": [{"golds": ["x"], "text": "x", "no_answer": 2.0}]}


def random_cases(rng, rounds):
    for _ in range(rounds):
        yield class_case(rng, rng.choice([1, 2, 5, 40, 400]), rng.choice([2, 2, 3, 7]))
        width = rng.choice([1, 2, 5])
        n = rng.choice([1, 3, 30]) * width
        yield {"op": "sets", "truth": [rng.randint(0, 1) for _ in range(n)], "predicted": [rng.choice([0, 0, 1]) for _ in range(n)], "labels": width}
        yield value_case(rng, rng.choice([2, 3, 10, 200]))
        truth = [random_tags(rng, rng.randint(1, 15)) for _ in range(rng.choice([1, 2, 10]))]
        yield {"op": "entities", "truth": truth, "predicted": [wrong_now_and_then(rng, t) for t in truth]}
        yield {"op": "chunks", "tags": random_tags(rng, 20)}
        for version2 in (False, True):
            yield squad_case(rng, rng.choice([1, 3, 20]), version2)
        yield decode_case(rng)
        yield {"op": "normalize", "text": random_text(rng)}


def cases(seed, rounds):
    yield from edge_cases()
    yield from random_cases(randoms.Random(seed), rounds)
