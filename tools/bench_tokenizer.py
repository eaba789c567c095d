#!/usr/bin/env python3
"""Encoding speed beside Hugging Face tokenizers, tiktoken and gigatoken: first pass over unseen text, each in a fresh process.

  bench_tokenizer.py --text FILE [--mb 20] [--rounds 7] [--tools ours,gigatoken,tiktoken,hf] [--program build/bin/bench_tokenizer]

One thread, ids only, line by line without blank lines. The tools take turns in every round; printed are medians and the
ratio of medians, by the clock and by processor time (which others on the machine disturb less). Needs the packages in
the interpreter that runs it; RoBERTa's vocabulary from $ROBERTA_SHARED (default ../shared).
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.environ.get('ROBERTA_SHARED', os.path.join(ROOT, '..', 'shared'))
VOCABULARY = f'{SHARED}/data/roberta_bpe'


def lines_of(path, mb):
    text = open(path, 'rb').read()[:mb << 20].decode('utf-8', 'ignore')
    return [line for line in text.split('\n') if line]


def build_hf():
    from tokenizers import ByteLevelBPETokenizer
    return ByteLevelBPETokenizer(f'{VOCABULARY}/vocab.json', f'{VOCABULARY}/merges.txt', add_prefix_space=False)


def build_tiktoken():
    import tiktoken
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    byte_of = {chr(b): b for b in printable} | {chr(256 + k): b for k, b in enumerate(others)}
    ranks = {bytes(byte_of[c] for c in token): i for token, i in json.load(open(f'{VOCABULARY}/encoder.json')).items() if token != '<|endoftext|>'}
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    return tiktoken.Encoding('gpt2', pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def build_gigatoken():
    import gigatoken
    with tempfile.TemporaryDirectory() as folder:
        build_hf().save(f'{folder}/tokenizer.json')
        return gigatoken.Tokenizer(f'{folder}/tokenizer.json')


RUNS = {'hf': (build_hf, lambda t, docs: t.encode_batch(docs)),
        'tiktoken': (build_tiktoken, lambda t, docs: [t.encode_ordinary(d) for d in docs]),
        'gigatoken': (build_gigatoken, lambda t, docs: t.encode_batch(docs, parallel=False))}


def one(tool, text, mb):
    docs = lines_of(text, mb)
    size = sum(len(d.encode()) for d in docs)
    tokenizer = RUNS[tool][0]()
    clock, cpu = time.perf_counter(), time.process_time()
    RUNS[tool][1](tokenizer, docs)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(json.dumps({'mb_per_s': size / 1e6 / clock, 'mb_per_cpu_s': size / 1e6 / cpu, 'mb': size / 1e6}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--text', required=True)
    parser.add_argument('--mb', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--tools', default='ours,ours-offsets,gigatoken,tiktoken,hf')
    parser.add_argument('--program', default=f'{ROOT}/build/bin/bench_tokenizer')
    parser.add_argument('--one', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return one(args.one, args.text, args.mb)
    if not os.path.isdir(VOCABULARY):
        print(f'SKIPPED: no {VOCABULARY}; set ROBERTA_SHARED')
        return
    environment = dict(os.environ, TOKENIZERS_PARALLELISM='false', RAYON_NUM_THREADS='1', OMP_NUM_THREADS='1')
    tools = args.tools.split(',')
    results = {tool: [] for tool in tools}
    for _ in range(args.rounds):
        for tool in tools:
            if tool.startswith('ours'):
                command = [args.program, VOCABULARY, args.text, str(args.mb), 'offsets' if tool.endswith('offsets') else 'ids']
            else:
                command = [sys.executable, __file__, '--one', tool, '--text', args.text, '--mb', str(args.mb)]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
            results[tool].append(json.loads(output.strip().splitlines()[-1]))
    median = {tool: {key: statistics.median(r[key] for r in results[tool]) for key in ('mb_per_s', 'mb_per_cpu_s')} for tool in tools}
    print(f'{args.mb} MB of {args.text}, {args.rounds} rounds, one thread, first pass: MB/s (min..max), per processor second, ratio of ours to it')
    for tool in tools:
        speeds = [r['mb_per_s'] for r in results[tool]]
        ratios = [f"{median[tools[0]][key] / median[tool][key]:.2f}" for key in ('mb_per_s', 'mb_per_cpu_s')]
        print(f"{tool:14} {median[tool]['mb_per_s']:8.1f} ({min(speeds):.1f}..{max(speeds):.1f}) {median[tool]['mb_per_cpu_s']:8.1f}   x{ratios[0]} by the clock, x{ratios[1]} by processor time")


main()
