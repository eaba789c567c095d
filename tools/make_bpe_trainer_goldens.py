#!/usr/bin/env python3
"""Makes tests/text/trainer/bpe_trainer_goldens.json: what Hugging Face's trainer learns from small texts.

    tools/make_bpe_trainer_goldens.py     (needs tokenizers; goldens are of 0.23.3)
"""
import json
import pathlib
import random
import tempfile

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def train(files, vocab_size, min_frequency, special_tokens, max_token_length, add_prefix_space):
    """What ByteLevelBPETokenizer.train does, with the trainer's max_token_length, which that class hides."""
    limit = {"max_token_length": max_token_length} if max_token_length else {}
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=special_tokens, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **limit)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for number, text in enumerate(files):
            path = pathlib.Path(directory, str(number))
            path.write_bytes(text.encode())
            paths.append(str(path))
        tokenizer.train(paths, trainer=trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    assert [model["vocab"][token] for token in tokens] == list(range(len(tokens)))
    return tokens, [" ".join(merge) for merge in model["merges"]]


def story(seed, words, alphabet):
    """Invented words in a skewed distribution: many ties, many ways to the same token."""
    random.seed(seed)
    lexicon = ["".join(random.choice(alphabet) for _ in range(random.randint(1, 9))) for _ in range(120)]
    out = []
    for _ in range(words):
        out.append(lexicon[min(int(random.expovariate(0.06)), len(lexicon) - 1)])
        out.append(random.choice([" ", " ", " ", " ", " ", " ", ", ", ".\n", "  ", "'s "]))
    return "".join(out)


def cases():
    fable = ("The fox saw the grapes. The grapes hung high, the fox jumped high and higher;\n"
             "the higher the fox jumped, the sourer the grapes.\n\n  They're sour, said the fox: I'll go, we've gone.\n")
    yield "empty file", [""], {}
    yield "one word, not frequent enough", ["hapax"], {}
    yield "ties are broken by the smaller pair", ["zy zy xw xw ba ba ab ab\n"], {"vocab_size": 265}
    yield "runs of one letter", ["aaaa aaaaa aaa aaaaaaa aa\nbbbb abab ababab\n"], {"min_frequency": 1}
    yield "fable", [fable], {}
    yield "fable, min_frequency 1", [fable], {"min_frequency": 1}
    yield "fable, min_frequency 0", [fable], {"min_frequency": 0}
    yield "fable, min_frequency 4", [fable], {"min_frequency": 4}
    yield "vocabulary smaller than the alphabet", [fable], {"vocab_size": 100}
    yield "vocabulary that ends in the middle of ties", [fable], {"vocab_size": 287}
    yield "no special tokens", [fable], {"special_tokens": []}
    yield "special tokens that merges arrive at", [fable], {"special_tokens": ["he", "Ġthe", "x", "he", "<s>"]}
    yield "special tokens in the text are text", ["<s> <mask> </s>\n" * 3], {}
    yield "lines are split apart, each with its end", ["a  \n  b\n\n\na\r\nb\r\n \t\n" * 3], {"min_frequency": 1}
    yield "no line end at the end", ["ab ab\nab ab"], {}
    yield "several files", ["low lower", "lowest low\n", "", "slow slower\n"], {}
    yield "a space put before each line", ["ab cd\nab cd\n\n ab\nab"], {"add_prefix_space": True}
    yield "Unicode", ["日本語 日本 日本語\nстрана страны Straße straße ﬁn ﬁne\n\u2003e\u0301te\u0301 e\u0301te\u0301 🙂🙂👩‍👩‍👧 ²³ ٣٤\n"
                      * 2], {}
    yield "byte order mark, controls", ["\ufeffab\0ab\u0085ab\x1cab ab\u2028ab\n" * 2], {}
    for length in (1, 2, 3, 5):
        yield f"max_token_length {length}", [fable], {"max_token_length": length, "min_frequency": 1}
    yield "story of few letters", [story(1, 1500, "abc")], {"vocab_size": 700, "min_frequency": 1}
    yield "story of two letters, short tokens", [story(2, 1200, "ab")], {"vocab_size": 500, "max_token_length": 6}
    yield "story", [story(3, 800, "etaoinsrhé"), story(4, 500, "etaoinsrhé")], {"vocab_size": 600}


def main():
    entries = []
    for name, files, given in cases():
        options = {"vocab_size": 400, "min_frequency": 2, "special_tokens": SPECIALS, "max_token_length": 0,
                   "add_prefix_space": False, **given}
        tokens, merges = train(files, **options)
        first = len(dict.fromkeys(options["special_tokens"])) + 256
        first -= sum(len(token) == 1 for token in options["special_tokens"])
        # The alphabet is the same each time: it is kept in the first case only.
        kept = tokens if not entries else tokens[first:]
        entries.append({"name": name, "files": files, **options, "size": len(tokens), "tokens": kept, "merges": merges})
    target = pathlib.Path(__file__).resolve().parent.parent / "tests/text/trainer/bpe_trainer_goldens.json"
    content = {"tokenizers": tokenizers.__version__, "cases": entries}
    target.write_text(json.dumps(content, ensure_ascii=True, indent=0) + "\n")
    print(f"{target}: {len(entries)} cases, tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
