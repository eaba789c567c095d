#!/usr/bin/env python3
"""classify, tag, zero-shot and answer against the transformers pipelines.

    tools/parity/tasks_parity.py [--roberta build/bin/roberta] [--count 60] [--transformers4 FOLDER]

Sharp random models with RoBERTa's own vocabulary; texts, questions and words are SQuAD's and WNUT-17's of ROBERTA_SHARED
(default ../shared), and made-up ones. Question answering left transformers with version 5: the program is held against
the pipeline as tools/make_head_goldens.py writes it down, and with --transformers4 (or ROBERTA_TRANSFORMERS4) against
the real one: pip install --no-deps --target FOLDER 'transformers<5' 'huggingface_hub<1' 'tokenizers<0.23'.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers
from transformers import RobertaConfig, RobertaTokenizerFast, pipeline

from probe import BUILD, ROOT, shared_data

LIMIT = 2e-5
QA_OPTIONS = [{}, {"top_k": 4}, {"top_k": 3, "impossible": True}, {"top_k": 2, "align": False, "longest": 4},
              {"top_k": 2, "max_length": 120, "stride": 30}]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "X-Y-Z"]
ODD = ["", "a", "  two  blanks ", "é", "naïve café—日本語 🙂🙂 e\u0301", "don't  stop\t\tnow\n\nplease", "<mask> is <unk> here",
       "\u00a0x\u2003y ", "it's we're I'M '' 's", "x" * 300]


def labels_of(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def make_model(directory, bpe, kind, seed, **options):
    RobertaTokenizerFast(vocab=str(bpe / "vocab.json"), merges=str(bpe / "merges.txt"), model_max_length=512).save_pretrained(directory)
    torch.manual_seed(seed)
    model = getattr(transformers, f"RobertaFor{kind}")(RobertaConfig(
        vocab_size=50265, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, **options))
    for name, p in model.named_parameters():
        if "orm.weight" not in name:
            torch.nn.init.normal_(p, 0, 0.3)
    if kind == "TokenClassification":  # so that labels change along a text
        with torch.no_grad():
            model.classifier.bias -= model(torch.randint(5, 50000, (1, 400))).logits.mean((0, 1))
    model.save_pretrained(directory)
    return str(directory)


class Check:
    def __init__(self, name):
        self.name, self.count, self.bad, self.worst = name, 0, 0, 0.0

    def near(self, mine, theirs, what):
        error = abs(mine - theirs)
        self.worst = max(self.worst, error)
        self.same(error <= LIMIT, True, (what, mine, theirs))

    def same(self, mine, theirs, what):
        self.count += 1
        if mine != theirs:
            self.bad += 1
            if self.bad <= 4:
                print(f"  {self.name}: {what!r}:\n    ours   {mine!r}\n    theirs {theirs!r}")

    def rows(self, mine, theirs, score, what):
        """Lists of predictions; neighbours whose scores are the same within rounding may be swapped."""
        self.same(len(mine), len(theirs), what)
        for a, b in zip(mine, theirs):
            self.near(a[score], b[score], what)
            twin = b if {**a, score: 0} == {**b, score: 0} else next(
                (t for t in theirs if abs(t[score] - a[score]) <= LIMIT and {**a, score: 0} == {**t, score: 0}), b)
            self.same({k: v for k, v in a.items() if k != score}, {k: v for k, v in twin.items() if k != score}, what)

    def done(self):
        print(f"{self.name:44} {self.count:7} compared, {self.bad} differ, largest error {self.worst:.1e}", flush=True)
        return self.bad


def ask(args, command, model, rows, *options):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([args.roberta, command, "--model", model, "--input", "jsonl", "--format", "json", *map(str, options)],
                          input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def classify(args, model, texts, rng):
    bad = 0
    pipe = pipeline("text-classification", model=model, device=-1)
    rows = [{"text": t} for t in texts] + [{"text": t, "text_pair": rng.choice(texts) or "b"} for t in texts]
    for function in [None, "softmax", "sigmoid", "none"]:
        check = Check(f"classify, function {function or 'auto'}")
        mine = ask(args, "classify", model, rows, "--all-scores", *(["--function", function] if function else []))
        for row, m in zip(rows, mine):
            check.rows(m, pipe(row, top_k=None, truncation=True, **({"function_to_apply": function} if function else {})), "score", row)
        bad += check.done()
    return bad


def tag(args, model, texts, sentences):
    bad = 0
    pipe = pipeline("token-classification", model=model, device=-1)
    of_words = pipeline("token-classification", model=model, device=-1,
                        tokenizer=RobertaTokenizerFast.from_pretrained(model, add_prefix_space=True))
    plain = lambda found: [{k: (v.item() if hasattr(v, "item") else v) for k, v in e.items()} for e in found]
    for how in ["none", "simple", "first", "average", "max"]:
        check = Check(f"tag, aggregation {how}")
        for text, m in zip(texts, ask(args, "tag", model, [{"text": t} for t in texts], "--aggregation", how)):
            check.rows(m, plain(pipe(text, aggregation_strategy=how)), "score", text)
        words = ask(args, "tag", model, [{"words": w} for w in sentences], "--aggregation", how)
        for sentence, m in zip(sentences, words):
            check.rows(m, plain(of_words(sentence, is_split_into_words=True, aggregation_strategy=how)[0]), "score", sentence)
        bad += check.done()
    return bad


def zero_shot(args, model, texts):
    bad = 0
    pipe = pipeline("zero-shot-classification", model=model, device=-1)
    for labels, more in [(["travel", "food", "a long label of words"], {}), (["one"], {}), (["x", "y"], {"multi_label": True}),
                         (["sad", "glad"], {"hypothesis_template": "I am {}!"})]:
        check = Check(f"zero-shot, {len(labels)} labels{', multi' if more.get('multi_label') else ''}")
        options = ["--labels", ",".join(labels)] + (["--multi-label"] if more.get("multi_label") else []) + \
                  (["--template", more["hypothesis_template"]] if "hypothesis_template" in more else [])
        for text, m in zip(texts, ask(args, "zero-shot", model, [{"text": t} for t in texts], *options)):
            theirs = pipe(text, labels, **more)
            pairs = lambda a: [{"label": l, "score": s} for l, s in zip(a["labels"], a["scores"])]
            check.rows(pairs(m), pairs(theirs), "score", text)
        bad += check.done()
    return bad


def goldens():
    spec = importlib.util.spec_from_file_location("make_head_goldens", ROOT / "tools" / "make_head_goldens.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FOUR = """
import json, sys
from transformers import pipeline
model, questions, options = json.load(sys.stdin)
pipe = pipeline("question-answering", model=model, device=-1)
names = {"top_k": "top_k", "impossible": "handle_impossible_answer", "align": "align_to_words", "longest": "max_answer_len",
         "max_length": "max_seq_len", "stride": "doc_stride"}
print(json.dumps([[pipe(question=q, context=c, **{names[k]: v for k, v in o.items()}) for q, c in questions] for o in options]))
"""


def as_list(answers):
    return [answers] if isinstance(answers, dict) else answers


def answer(args, model, questions):
    flags = {"top_k": "--top-k", "impossible": "--handle-impossible", "longest": "--max-answer-length", "max_length": "--max-length", "stride": "--stride"}
    written, tokenizer = goldens(), RobertaTokenizerFast.from_pretrained(model)
    net = transformers.RobertaForQuestionAnswering.from_pretrained(model, attn_implementation="eager").eval()
    mine = []
    for o in QA_OPTIONS:
        words = [w for k, v in o.items() for w in (["--no-align-words"] if k == "align" else [flags[k]] if v is True else [flags[k], v])]
        mine.append([as_list(a) for a in ask(args, "answer", model, [{"question": q, "context": c} for q, c in questions], *words)])
    check = Check("answer, version 4 as written down")
    for o, answers in zip(QA_OPTIONS, mine):
        for (q, c), m in zip(questions, answers):
            check.rows(m, written.answer_question(net, tokenizer, q, c, **o), "score", (o, q))
    bad = check.done()
    if not args.transformers4:
        print("skipped: the real question-answering pipeline (give --transformers4)")
        return bad
    done = subprocess.run([sys.executable, "-c", FOUR], input=json.dumps([model, questions, QA_OPTIONS]), capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": args.transformers4})
    if done.returncode:
        sys.exit(done.stderr)
    check = Check("answer, transformers 4")
    for o, answers, theirs in zip(QA_OPTIONS, mine, json.loads(done.stdout)):
        for (q, c), m, t in zip(questions, answers, theirs):
            t = [a for a in as_list(t) if a["score"] > 0 or a["answer"] == ""]  # it fills up with spans of probability 0
            check.rows(m, t[:len(m)] if len(t) > len(m) else t, "score", (o, q))
    return bad + check.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roberta", default=str(BUILD / "bin" / "roberta"))
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--transformers4", default=os.environ.get("ROBERTA_TRANSFORMERS4"))
    args = parser.parse_args()
    bpe, squad, wnut = (shared_data(name) for name in ("roberta_bpe", "squad", "wnut17"))
    if not (bpe and squad and wnut):
        return 0
    rng = random.Random(5)
    articles = json.loads(subprocess.run(["zstd", "-dc", squad / "dev-v1.1.json.zst"], capture_output=True, check=True).stdout)["data"]
    paragraphs = [p for a in articles for p in a["paragraphs"]]
    chosen = rng.sample(paragraphs, args.count)
    questions = [(rng.choice(p["qas"])["question"], p["context"]) for p in chosen]
    questions += [("why?", "no"), (" odd  question", "  naïve café—日本語\n\n a The the THE. It's 's "), ("dog", "dog Dog DOG dog's DOG")]
    questions += [(q, (c + " ") * 5) for q, c in questions[:4]]
    sentences = [s.split("\n") for s in (wnut / "emerging.dev.conll").read_text().strip().split("\n\n")[:400]]
    sentences = [[line.split("\t")[0] for line in s if line.split("\t")[0]] for s in rng.sample(sentences, args.count)]
    texts = [p["context"][:rng.randint(20, 400)] for p in chosen] + [t for t in ODD if t]
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        nli = make_model(folder / "nli", bpe, "SequenceClassification", 1, **labels_of(["contradiction", "neutral", "entailment"]))
        ner = make_model(folder / "ner", bpe, "TokenClassification", 2, **labels_of(TAGS))
        qa = make_model(folder / "qa", bpe, "QuestionAnswering", 3)
        bad = classify(args, nli, texts, rng) + tag(args, ner, texts, sentences) + zero_shot(args, nli, texts)
        bad += answer(args, qa, questions)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
