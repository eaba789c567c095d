#!/usr/bin/env python3
"""Makes tests/text/tokenizer/data/{tokenizer.json,goldens.json}: a small tokenizer and what Hugging Face tokenizers does with it.

Needs `tokenizers` 0.23.3. Each case names a variant (a patch of tokenizer.json), the input, the options and the expected
windows: [ids, offsets, special_tokens_mask, sequence_ids, word_ids] each, the kept one first.
"""
import copy, itertools, json, os
import tokenizers
from tokenizers import ByteLevelBPETokenizer, Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '..', 'tests', 'text', 'data')
SPECIALS = ['<s>', '<pad>', '</s>', '<unk>', '<mask>']

CORPUS = """The old lighthouse keeper counted the ships as they passed the northern rocks each evening.
She wrote every number in a blue notebook, and she never tore out a page.
When the storm came in 1987, the lamp went dark for three hours and twelve minutes.
Nobody on the mainland knew what had happened until the morning ferry arrived.
It's a long way from the harbour to the hill, but we'll walk it if you're not too tired.
They've said they'd come; I'm sure that they won't forget, and I don't think we'll wait.
The captain's daughter had learned to read the stars before she could read the newspaper.
Counting from one to ten: one, two, three, four, five, six, seven, eight, nine, ten!
A good map shows where the water is deep, where it is shallow, and where nobody has looked.
In the village café the naïve visitor ordered a crème brûlée and paid 12.50 for it.
What is the difference between a ship and a boat? A ship can carry a boat; a boat can't carry a ship.
The keeper answered: "There are 365 days in a year, and on each of them the sea is different."
Rain fell on the roof, rain fell on the road, rain fell on the river and on the resting cattle.
He repaired the engine with wire, patience and a borrowed spanner, and it ran for forty years.
Teaching a machine to read begins with cutting words into pieces that it has seen before.
Unbelievable, unforgettable and incomprehensible are words that most readers recognise at once.
The committee's recommendations were published on 3 March 2004 and ignored until December 2009.
Warm bread, cold milk, sharp cheese; the market opened at seven and closed when all was sold.
"""

TEXTS = [
    '', ' ', '   ', '\n', 'a', 'Hello world!', ' Hello world', 'Hello  world', 'a  b', 'a   b', 'a ', 'a\n\nb', 'a\n b', 'a \nb',
    '\t\tx', 'x\u00a0y', 'x \u00a0y', "don't DON'T don\u2019t", "it's2023!!", "''s", "I'lla", "'S's", 'e\u0301', '\u00b2\u2167\u00bd',
    '\U0001F44D\U0001F3FD', 'a \U0001F44D\U0001F3FD b', 'The lighthouse keeper counted 365 ships.', 'na\u00efve caf\u00e9 \u4e2d\u6587 \u0e01\u0e33',
    'is <mask> it', 'is<mask>it', 'is   <mask>  it', '<mask>', ' <mask>', '<mask> ', '<s> a </s>', '<pad><pad> x<unk>y', '<mask><mask>', '<mask',
    '<<mask>>', '\n<mask>\u00a0x', ' \u2003 <mask>', 'The  end  ', '\r\n  indented\r\n', 'x' * 70, "'" * 20, ' ' * 40 + 'y', 'unbelievable1987unforgettable',
    '\u00e9', ' \u00e9', '\u4e2d', '\x00\x01\x7f', '\u0130stanbul \u01c5', 'ab\u00adcd\u200b', 'one\u2028two\u3000three',
]
EXTRA_TEXTS = [  # for the variant with added tokens of every kind
    'say SHIP now', 'sayship', 'a ship', 'ships', 'a ship.', 'ship-ship ship', '  [L]  x', 'x  [L]  y', 'x  [R]  y', 'x  [B]  y', '[B][B] [B]', '[R]   [L]', 'sea\u00e9ship ship\u0301 ship',
    '[N] and [NN]', '[NN] <mask> [N]', 'x[L]\n\n[R]\t y', '\u2003[B]\u2003', 'ship_ ship7 _ship', ' ship ', 'a <mask>  [R]  ship',
]
PAIRS = [('The old lighthouse', 'keeper counted'), ('', 'second'), ('first', ''), ('one two three four five', 'six seven'), ('six', 'one two three four five six seven'), (' is <mask>', ' it  ')]
LONG = 'The captain had learned to read the stars before she could read the newspaper, and 12 ships passed.'


def variants():
    byte_level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
    roberta = {'type': 'RobertaProcessing', 'sep': ['</s>', 2], 'cls': ['<s>', 0], 'trim_offsets': True, 'add_prefix_space': False}
    template = {'type': 'TemplateProcessing',
                'single': [{'SpecialToken': {'id': '<s>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
                'pair': [{'Sequence': {'id': 'B', 'type_id': 1}}, {'SpecialToken': {'id': '</s>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}, {'SpecialToken': {'id': '</s>', 'type_id': 1}}],
                'special_tokens': {'<s>': {'id': '<s>', 'ids': [0], 'tokens': ['<s>']}, '</s>': {'id': '</s>', 'ids': [2, 1], 'tokens': ['</s>', '<pad>']}}}

    def added(content, **flags):
        return {**dict(id=0, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False), **flags}
    many = [added(t, special=True, lstrip=t == '<mask>', normalized=t != '<mask>') for t in SPECIALS] + [
        added('ship', single_word=True), added('SHIP', special=True, single_word=True), added('[L]', lstrip=True), added('[R]', rstrip=True, special=True),
        added('[B]', lstrip=True, rstrip=True), added('[N]', normalized=True), added('[NN]', normalized=True, lstrip=True), added('sea\u00e9', normalized=True), added(' the', normalized=True)]
    return {
        'roberta': {},
        'prefix': {'pre_tokenizer': {**byte_level, 'add_prefix_space': True}, 'post_processor': {**roberta, 'add_prefix_space': True}},
        'prefix_trims_all': {'pre_tokenizer': {**byte_level, 'add_prefix_space': True}},
        'untrimmed': {'post_processor': {**roberta, 'trim_offsets': False}},
        'bare': {'post_processor': None, 'decoder': None},
        'byte_level': {'post_processor': {**byte_level, 'add_prefix_space': True}},
        'template': {'post_processor': template},
        'sequence': {'post_processor': {'type': 'Sequence', 'processors': [byte_level, template]}},
        'bert': {'post_processor': {'type': 'BertProcessing', 'sep': ['</s>', 2], 'cls': ['<s>', 0]}},
        'no_regex': {'pre_tokenizer': {**byte_level, 'use_regex': False}},
        'added': {'added_tokens': many},
        'ignore_merges': {'model.ignore_merges': True},
        'unknown': {'model.unk_token': '<unk>', 'drop_bytes': 'eo\u0120'},
        'fused': {'model.unk_token': '<unk>', 'model.fuse_unk': True, 'drop_bytes': 'eo\u0120'},
    }


def patched(base, patch):
    """The same as in tokenizer_test.cc."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        if key == 'drop_bytes':
            gone = set(value)
            result['model']['vocab'] = {t: i for t, i in result['model']['vocab'].items() if t[0] == '<' or not gone & set(t)}
            result['model']['merges'] = [m for m in result['model']['merges'] if not gone & set(m[0] + m[1])]
        elif key.startswith('model.'):
            result['model'][key[6:]] = value
        else:
            result[key] = value
    return result


def window(e):
    sequence = [-1 if s is None else s for s in e.sequence_ids]
    words = [-1 if w is None else w for w in e.word_ids]
    return [e.ids, [x for o in e.offsets for x in o], e.special_tokens_mask, sequence, words]


def main():
    assert tokenizers.__version__ == '0.23.3', tokenizers.__version__
    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(CORPUS.splitlines() * 2, vocab_size=900, min_frequency=2, special_tokens=SPECIALS, show_progress=False)
    base = json.loads(trainer._tokenizer.to_str())
    base['added_tokens'] = [dict(id=i, content=t, single_word=False, lstrip=t == '<mask>', rstrip=False, normalized=t != '<mask>', special=True) for i, t in enumerate(SPECIALS)]
    base['pre_tokenizer'] = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
    base['post_processor'] = {'type': 'RobertaProcessing', 'sep': ['</s>', 2], 'cls': ['<s>', 0], 'trim_offsets': True, 'add_prefix_space': False}
    os.makedirs(DATA, exist_ok=True)
    with open(f'{DATA}/tokenizer.json', 'w', encoding='utf-8') as f:
        json.dump(base, f, ensure_ascii=False, separators=(',', ':'))
    cases, decodes = [], []
    for name, patch in variants().items():
        tokenizer = Tokenizer.from_str(json.dumps(patched(base, patch)))

        def case(first, second=None, words=False, special=True, plain=False, cut=None):
            tokenizer.encode_special_tokens = plain
            tokenizer.no_truncation()
            record = {'variant': name, 'text': first}
            try:
                if cut:
                    record['cut'] = cut
                    strategy, length, stride, direction = cut
                    tokenizer.enable_truncation(length, stride=stride, strategy=strategy, direction=direction)
                e = tokenizer.encode(first, second, is_pretokenized=words, add_special_tokens=special)
                record['windows'] = [window(x) for x in [e] + e.overflowing]
            except BaseException as problem:  # a Rust panic is not an Exception
                record['error'] = True
            record.update({k: v for k, v in dict(pair=second, words=words, special=special, plain=plain).items() if v != dict(pair=None, words=False, special=True, plain=False)[k]})
            cases.append(record)
            return record

        texts = TEXTS if name in ('roberta', 'prefix') else TEXTS[::3] if name != 'added' else EXTRA_TEXTS
        for text in texts:
            record = case(text)
            for skip in (False, True):
                ids = record['windows'][0][0]
                decodes.append([name, ids, skip, tokenizer.decode(ids, skip_special_tokens=skip)])
            if '<' in text or name == 'added':
                case(text, special=False, plain=True)
        for first, second in PAIRS:
            case(first, second)
        if name in ('roberta', 'prefix', 'template', 'sequence', 'byte_level'):
            for length, stride, direction in itertools.product((2, 3, 5, 9, 40), (0, 2), ('right', 'left')):
                case(LONG, cut=['longest_first', length, stride, direction])
                if length in (5, 9):
                    case(LONG, cut=['only_first', length, stride, direction], special=False)
                for (first, second), strategy in itertools.product(PAIRS[3:5], ('longest_first', 'only_first', 'only_second')):
                    if length in (5, 9):
                        case(first, second, cut=[strategy, length, stride, direction])
        for words in (['The', 'old', 'lighthouse', ' keeper'], ['', ' ', 'x'], ["don't", '<mask>', 'caf\u00e9', '\n']):
            case(words, words=True)
        case(['The', 'old', 'lighthouse', 'keeper', 'counted'], words=True, cut=['longest_first', 6, 1, 'right'])
    rng_ids = [[i * 37 % len(base["model"]["vocab"]) for i in range(k, k + 12)] for k in range(0, 300, 23)]
    base_tokenizer = Tokenizer.from_str(json.dumps(base))
    decodes += [['roberta', ids, skip, base_tokenizer.decode(ids, skip_special_tokens=skip)] for ids in rng_ids for skip in (False, True)]
    with open(f'{DATA}/goldens.json', 'w', encoding='utf-8') as f:
        f.write('{"variants":' + json.dumps(variants(), ensure_ascii=False) + ',\n"cases":[\n' + ',\n'.join(json.dumps(c, ensure_ascii=True, separators=(',', ':')) for c in cases))
        f.write('\n],\n"decodes":[\n' + ',\n'.join(json.dumps(d, ensure_ascii=True, separators=(',', ':')) for d in decodes) + '\n]}\n')
    print(len(cases), 'cases', sum('error' in c for c in cases), 'errors')


main()
