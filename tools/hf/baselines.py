#!/usr/bin/env python3
"""What is got without a model: `baselines.py TASK TRAIN DEV LENGTH` prints the metrics of the most frequent answer of the training
data, and of answers drawn by chance as often as there (of numbers: their mean, and a draw; of taggers: no entity, and a tag
drawn for each word; of questions: the context's first sentence, and five words anywhere)."""
import collections
import json
import random
import re
import sys
import warnings

from tasks import GLUE, open_task


def sentence(context):
    return re.split(r"(?<=[.!?])\s", context)[0]


def span(context, rng):
    words = context.split()
    begin = rng.randrange(max(1, len(words) - 4))
    return " ".join(words[begin:begin + 5])


def main():
    warnings.simplefilter("ignore")  # of constant inputs: those are what is asked for
    name, train, dev, length = sys.argv[1:]
    task, rng = open_task(name, train, int(length)), random.Random(1)
    known, asked = task.read(train), task.read(dev)
    if name in GLUE:
        labels = [label for _, label in known]
        usual = collections.Counter(labels).most_common(1)[0][0] if task.task.labels else sum(labels) / len(labels)
        frequent, chance = [usual] * len(asked), rng.choices(labels, k=len(asked))
    elif name == "token-classification":
        tags = [tag for _, sentence_tags in known for tag in sentence_tags]
        frequent, chance = [["O"] * len(w) for w, _ in asked], [rng.choices(tags, k=len(w)) for w, _ in asked]
    else:
        frequent, chance = [sentence(e["context"]) for e in asked], [span(e["context"], rng) for e in asked]
    print(json.dumps({"train": len(known), "dev": len(asked), "frequent": task.metrics(frequent, asked), "chance": task.metrics(chance, asked)}))


if __name__ == "__main__":
    main()
