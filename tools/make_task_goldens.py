#!/usr/bin/env python3
"""Makes tests/tasks/goldens.json: what transformers' scripts make of examples, by the small tokenizer of tests/text/tokenizer/data.

Needs `transformers` and `tokenizers` of requirements.txt. Three parts:
- squad: windows and targets as run_qa's prepare_train_features, and whether a token has most context in its window, as the
  official SQuAD code. Where an answer begins in the last token of a window, run_qa's search continues into the padding (the
  offsets of </s> and <pad> are 0); here it stops at the window's end.
- tags: labels of tokens as run_ner's tokenize_and_align_labels, with and without label_all_tokens.
- pairs: ids of pairs cut longest first.
"""
import json
import os
import random

from transformers import PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENIZER = os.path.join(HERE, "..", "tests", "text", "data", "tokenizer.json")
OUT = os.path.join(HERE, "..", "tests", "tasks", "goldens.json")

CONTEXTS = [
    "The old lighthouse keeper counted the ships as they passed the northern rocks each evening. She wrote every number in a "
    "blue notebook, and she never tore out a page. When the storm came in 1987, the lamp went dark for three hours and twelve "
    "minutes. Nobody on the mainland knew what had happened until the morning ferry arrived.",
    "In the village caf\u00e9 the na\u00efve visitor ordered a cr\u00e8me br\u00fbl\u00e9e \U0001F44D\U0001F3FD and paid 12.50 for it.  Then  he left\u3000and "
    "\u4e2d\u6587 was written on the door.",
    "Rain fell on the road.",
    "  Counting from one to ten: one, two, three, four, five, six, seven, eight, nine, ten! It's a long way from the harbour to "
    "the hill, but we'll walk it if you're not too tired. ",
]
QUESTIONS = [  # context, question, answer or None, which of its occurrences
    (0, "Who counted the ships?", "The old lighthouse keeper", 0),
    (0, "  What colour was the notebook?", "blue", 0),
    (0, "When did the lamp go dark?", "1987", 0),
    (0, "What arrived?", "the morning ferry arrived.", 0),
    (0, "What was arrived at last?", ".", 3),
    (0, "How long was it dark, and who knew of it before the ferry came to the harbour in the morning?", "three hours and twelve minutes", 0),
    (0, "What?", "ships as they passed the northern rocks each evening. She wrote every number in a blue notebook, and she never tore "
     "out a page. When the storm came", 0),
    (0, "Who sings?", None, 0),
    (1, "What did the visitor order?", "cr\u00e8me br\u00fbl\u00e9e", 0),
    (1, "What was the sign?", "\U0001F44D\U0001F3FD", 0),
    (1, "\u2003\x1fWhat did it cost?", "12.50", 0),
    (1, "What was written?", "\u4e2d\u6587", 0),
    (1, "Of a word, a part?", "isit", 0),
    (1, "With blanks around?", " ordered ", 0),
    (2, "What fell?", "Rain", 0),
    (2, "Where?", "the road.", 0),
    (3, "The first?", "one", 0),
    (3, "The second one?", "one", 1),
    (3, "The last word?", "tired", 0),
]
LIMITS = [(28, 6), (40, 12), (64, 0), (384, 128)]

SENTENCES = [
    (["EU", "rejects", "German", "call", "to", "boycott", "British", "lamb", "."], "B-ORG O B-MISC O O O B-MISC O O"),
    (["Unforgettable", "incomprehensible", "na\u00efve", "cr\u00e8me"], "B-PER I-PER O B-LOC"),
    (["@keeper", "it's", "1987", "\u4e2d\u6587", "<mask>", "New York"], "B-PER O I-PER B-LOC O B-LOC"),
    (["x"], "O"),
]
LABELS = ["O", "B-LOC", "I-LOC", "B-MISC", "I-MISC", "B-ORG", "I-ORG", "B-PER", "I-PER"]


def squad_file():
    paragraphs = []
    for i, context in enumerate(CONTEXTS):
        qas = []
        for n, (of, question, answer, occurrence) in enumerate(QUESTIONS):
            if of != i:
                continue
            answers, start = [], -1
            for _ in range(occurrence + 1 if answer else 0):
                start = context.index(answer, start + 1)
            if answer:
                answers = [{"text": answer, "answer_start": start}]
            qas.append({"id": f"q{n}", "question": question, "answers": answers, "is_impossible": answer is None})
        paragraphs.append({"context": context, "qas": qas})
    return {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}


def is_max_context(spans, index, position):
    """The official code (google-research/bert, run_squad.py, _check_is_max_context)."""
    best_score = best_index = None
    for k, (start, length) in enumerate(spans):
        end = start + length - 1
        if position < start or position > end:
            continue
        score = min(position - start, end - position) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best_index = score, k
    return index == best_index


def target(offsets, sequence, answers):
    """run_qa's prepare_train_features; [0, 0] is <s>."""
    if not answers:
        return [0, 0]
    start_char, end_char = answers[0]["answer_start"], answers[0]["answer_start"] + len(answers[0]["text"])
    first = sequence.index(1)
    last = len(sequence) - 1
    while sequence[last] != 1:
        last -= 1
    if not (offsets[first][0] <= start_char and offsets[last][1] >= end_char):
        return [0, 0]
    begin, end = first, last
    while begin <= last and offsets[begin][0] <= start_char:
        begin += 1
    while offsets[end][1] >= end_char:
        end -= 1
    return [begin - 1, end + 1]


def squad_windows(tokenizer, data, max_length, stride):
    windows = []
    questions = [(p["context"], q) for a in data["data"] for p in a["paragraphs"] for q in p["qas"]]
    for number, (context, question) in enumerate(questions):
        if max_length - 4 - len(tokenizer.tokenize(question["question"].lstrip())) <= stride:
            continue  # the library panics
        e = tokenizer([question["question"].lstrip()], [context], truncation="only_second", max_length=max_length, stride=stride,
                      return_overflowing_tokens=True, return_offsets_mapping=True)
        count = len(e["input_ids"])
        sizes = [sum(s == 1 for s in e.sequence_ids(i)) for i in range(count)]
        spans = [(i * (sizes[0] - stride), size) for i, size in enumerate(sizes)]
        for i in range(count):
            sequence, offsets = e.sequence_ids(i), e["offset_mapping"][i]
            begin = sequence.index(1)
            windows.append({
                "example": number, "ids": e["input_ids"][i], "context": [begin, begin + sizes[i]],
                "offsets": [x for o in offsets[begin:begin + sizes[i]] for x in o], "targets": target(offsets, sequence, question["answers"]),
                "best": [int(is_max_context(spans, i, spans[i][0] + k)) for k in range(sizes[i])]})
    return windows


def aligned(tokenizer, words, tags, label_all):
    """run_ner's tokenize_and_align_labels."""
    inside = [LABELS.index(l.replace("B-", "I-")) for l in LABELS]
    e = tokenizer(words, truncation=True, max_length=128, is_split_into_words=True)
    previous, labels = None, []
    for word in e.word_ids():
        if word is None:
            labels.append(-100)
        elif word != previous:
            labels.append(LABELS.index(tags[word]))
        else:
            labels.append(inside[LABELS.index(tags[word])] if label_all else -100)
        previous = word
    return {"ids": e["input_ids"], "labels": labels}


def main():
    def load(**options):
        return PreTrainedTokenizerFast(tokenizer_file=TOKENIZER, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
                                       unk_token="<unk>", pad_token="<pad>", mask_token="<mask>", **options)
    tokenizer = load()
    data = squad_file()
    squad = [{"max_length": m, "stride": s, "windows": squad_windows(tokenizer, data, m, s)} for m, s in LIMITS]

    prefixed = json.load(open(TOKENIZER, encoding="utf-8"))
    prefixed["pre_tokenizer"]["add_prefix_space"] = True
    prefixed["post_processor"]["add_prefix_space"] = True
    tagger = load()
    from tokenizers import Tokenizer
    tagger._tokenizer = Tokenizer.from_str(json.dumps(prefixed))
    tags = [{"words": words, "tags": t.split(), "first": aligned(tagger, words, t.split(), False), "all": aligned(tagger, words, t.split(), True)}
            for words, t in SENTENCES]

    rng = random.Random(7)
    words = CONTEXTS[0].split()
    pairs = []
    for a, b, m in [(3, 4, 40), (30, 3, 20), (3, 30, 20), (30, 31, 20), (30, 31, 21), (9, 9, 12), (5, 0, 9)]:
        first, second = " ".join(rng.choices(words, k=a)), " ".join(rng.choices(words, k=b))
        pairs.append({"first": first, "second": second, "max_length": m,
                      "ids": tokenizer([first], [second], truncation="longest_first", max_length=m)["input_ids"][0],
                      "single": tokenizer(first, truncation=True, max_length=m)["input_ids"]})

    with open(OUT, "w", encoding="utf-8") as out:
        def lines(items):
            return "[\n" + ",\n".join(json.dumps(i, ensure_ascii=True, separators=(",", ":")) for i in items) + "\n]"
        out.write('{"file":' + json.dumps(data, ensure_ascii=True) + ',\n"labels":' +
                  json.dumps(LABELS) + ',\n"squad":' + lines(squad) + ',\n"tags":' + lines(tags) + ',\n"pairs":' + lines(pairs) + "}\n")
    print(sum(len(s["windows"]) for s in squad), "windows,", os.path.getsize(OUT), "bytes")


if __name__ == "__main__":
    main()
