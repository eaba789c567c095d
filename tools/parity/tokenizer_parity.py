#!/usr/bin/env python3
"""Compares ids and offsets with Hugging Face tokenizers: 0 differences is the only pass.

  tokenizer_parity.py [--full] [--only PART] [--program build/tests/tokenizer_parity]

Parts: lines and documents of the text corpora (a sample, or all with --full, resumable by --state FILE), random strings
over adversarial alphabets, every scalar value in contexts. Data: $ROBERTA_SHARED (default ../shared).
"""
import argparse, itertools, json, os, random, struct, subprocess, sys, tempfile, time
import numpy as np
from tokenizers import AddedToken, ByteLevelBPETokenizer, Tokenizer
from tokenizers.processors import RobertaProcessing

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('ROBERTA_SHARED', os.path.join(ROOT, '..', 'shared'))
CORPORA = ['wiki', 'wiki2', 'books']


def reference(directory):
    """RoBERTa's tokenizer as Hugging Face has it: specials, frame, <mask> that takes the space before it."""
    tokenizer = ByteLevelBPETokenizer(f'{directory}/vocab.json', f'{directory}/merges.txt', add_prefix_space=False)._tokenizer
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=True) for t in ('<s>', '<pad>', '</s>', '<unk>')]
                                 + [AddedToken('<mask>', special=True, lstrip=True, normalized=False)])
    tokenizer.post_processor = RobertaProcessing(('</s>', 2), ('<s>', 0), True, False)
    return tokenizer


def ours(program, model, texts, flags=()):
    data = [t.encode('utf-8') for t in texts]
    stdin = b''.join(struct.pack('<I', len(d)) + d for d in data)
    run = subprocess.run([program, model, *flags], input=stdin, stdout=subprocess.PIPE, check=True)
    out, at, results = np.frombuffer(run.stdout, np.int32), 0, []
    for _ in texts:
        n = int(out[at])
        results.append((out[at + 1:at + 1 + n], out[at + 1 + n:at + 1 + 3 * n]))
        at += 1 + 3 * n
    assert at == len(out)
    return results


class Comparison:
    def __init__(self, program, model, tokenizer):
        self.program, self.model, self.tokenizer = program, model, tokenizer
        self.texts = self.tokens = self.bytes = self.differences = 0

    def check(self, texts, special=False):
        flags = ['--frame'] if special else []
        mine = ours(self.program, self.model, texts, flags)
        for text, encoding, (ids, offsets) in zip(texts, self.tokenizer.encode_batch(texts, add_special_tokens=special), mine):
            wanted = encoding.ids
            flat = [x for pair in encoding.offsets for x in pair]
            self.texts += 1
            self.tokens += len(wanted)
            if len(wanted) != len(ids) or not (np.array(wanted, np.int32) == ids).all() or not (np.array(flat, np.int32) == offsets).all():
                self.differences += 1
                if self.differences <= 10:
                    print('DIFFERENT', ascii(text[:300]), wanted[:40], ids.tolist()[:40], encoding.offsets[:40], offsets.tolist()[:80])
        self.bytes += sum(len(t) for t in texts)

    def report(self, name):
        print(f'{name}: {self.texts} texts, {self.bytes / 1e6:.1f} M characters, {self.tokens} tokens, {self.differences} differences', flush=True)


def corpus_blocks(name, block):
    """Blocks of whole documents (ended by blank lines) of about `block` bytes."""
    with subprocess.Popen(['zstd', '-dc', '--long=27', f'{SHARED}/data/text/{name}.txt.zst'], stdout=subprocess.PIPE) as source:
        lines, size = [], 0
        for line in source.stdout:
            lines.append(line)
            size += len(line)
            if size >= block and line == b'\n':
                yield b''.join(lines).decode('utf-8')
                lines, size = [], 0
        if lines:
            yield b''.join(lines).decode('utf-8')


def compare_corpora(comparison, full, state):
    done = json.load(open(state)) if state and os.path.exists(state) else {}
    for name in CORPORA:
        for number, text in enumerate(corpus_blocks(name, 1 << 20)):
            key = f'{name}:{number}'
            if key in done or not (full or number % 40 == 0):
                continue
            before = comparison.differences, comparison.tokens
            comparison.check(text.split('\n'))
            comparison.check([d for d in text.split('\n\n') if d], special=True)
            done[key] = [comparison.differences - before[0], comparison.tokens - before[1]]
            if state:
                json.dump(done, open(state + '.new', 'w'))
                os.replace(state + '.new', state)
        comparison.report(f'corpus {name}')
    if state:
        print('all blocks, this run and those before:', len(done), 'blocks,', sum(d for d, _ in done.values()), 'differences', sum(t for _, t in done.values()), 'tokens')


ALPHABETS = [
    "'stremvdlSTLREVD a",
    " \n\t\r\x0b\x0c\x85\u00a0\u2003\u3000\u1680\u2028ab1!",
    "abcdefghij ABC'.,!?-\n  012",
    "\u00e9\u00fc\u00df\u0130\u01c5 e\u0301\u0308a\u0915\u093f\u094d 1\u0661\u00b2\u2167\u00bd",
    "\u4e2d\u6587\u3042\u30a2\uac00 a1!\uff01\uff21",
    "\U0001F44D\U0001F3FD\u200d\u2640\ufe0f\U0001F600 a",
    "\x00\x01\x1c\x1d\x1e\x1f\x7f\x80\xad\u200b\ufeff\u180e a\ufffd\uffff\U0010ffff",
]
FRAGMENTS = ['<mask>', '<s>', '</s>', '<pad>', '<unk>', ' <mask>', '<mask', '<<mask>>', '\u00a0<mask> ', "'re", "'ll", ' the', 'hello', '  ', '\n\n', '\u2019s']


def random_texts(count, seed):
    rng = random.Random(seed)
    everything = ''.join(ALPHABETS)
    for _ in range(count):
        kind, length = rng.randrange(10), rng.choice((3, 8, 20, 60, 140))
        if kind < 7:
            yield ''.join(rng.choices(ALPHABETS[kind], k=rng.randrange(length)))
        elif kind == 7:
            yield ''.join(rng.choices(everything, k=rng.randrange(length)))
        elif kind == 8:
            yield ''.join(rng.choices(FRAGMENTS + list('ab 1!\n'), k=rng.randrange(1 + length // 4)))
        else:
            yield ''.join(chr(c + (2048 if c >= 0xD800 else 0)) for c in (rng.randrange(0x110000 - 2048) for _ in range(rng.randrange(1 + length // 4))))


def compare_random(comparison, count):
    source = random_texts(count, 12345)
    for number in itertools.count():
        texts = list(itertools.islice(source, 20000))
        if not texts:
            break
        comparison.check(texts, special=number % 2 == 0)
    comparison.report('random strings')


def compare_scalars(comparison):
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for start in range(0, len(codes), 50000):
        texts = []
        for code in codes[start:start + 50000]:
            c = chr(code)
            texts.append(f"a{c}a 1{c}1 !{c}! {c}  {c}{c}\n{c} '{c}s'{c}")
        comparison.check(texts)
    comparison.report('every scalar value')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--only', choices=['corpora', 'random', 'scalars'])
    parser.add_argument('--random', type=int, default=1_000_000)
    parser.add_argument('--state')
    parser.add_argument('--program', default=f'{ROOT}/build/tests/tokenizer_parity')
    args = parser.parse_args()
    model = f'{SHARED}/data/roberta_bpe'
    if not os.path.isdir(model):
        print(f'SKIPPED: no {model}; set ROBERTA_SHARED')
        return 0
    tokenizer, differences = reference(model), 0
    parts = {'scalars': lambda c: compare_scalars(c), 'random': lambda c: compare_random(c, args.random),
             'corpora': lambda c: compare_corpora(c, args.full, args.state)}
    for name, part in parts.items():
        if args.only in (None, name):
            comparison = Comparison(args.program, model, tokenizer)
            began = time.time()
            part(comparison)
            print(f'{name}: {time.time() - began:.0f} s', flush=True)
            differences += comparison.differences
    print('PASS' if differences == 0 else f'FAIL: {differences} differences')
    return differences != 0


if __name__ == '__main__':
    sys.exit(main())
