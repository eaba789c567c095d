#!/usr/bin/env python3
"""Writes src/text/unicode/word_table.cc: the code points that `single_word` added tokens take for parts of words (\\w).

Measured, for every scalar value, with Hugging Face tokenizers (0.23.3). Usage: make_word_table.py > src/text/unicode/word_table.cc
"""
import tokenizers
from tokenizers import AddedToken, Tokenizer, models


def main():
    assert tokenizers.__version__ == '0.23.3', tokenizers.__version__
    tokenizer = Tokenizer(models.BPE(vocab={'x': 0}, merges=[]))
    tokenizer.add_tokens([AddedToken('@@', single_word=True, normalized=False)])
    ranges = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or code == ord('@'):
            continue
        if 1 in tokenizer.encode('@@' + chr(code)).ids:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    print('// Made by tools/make_word_table.py with Hugging Face tokenizers 0.23.3; do not edit.')
    print('// clang-format off\n#include "text/word_table.h"\n\n#include <algorithm>\n#include <iterator>\n\nnamespace roberta {\n\nnamespace {\n')
    print('struct Range {\n  uint32_t first, last;\n};\n')
    print('const Range kWordRanges[] = {')
    for k in range(0, len(ranges), 8):
        print('  ' + ','.join(f'{{{a:#x},{b:#x}}}' for a, b in ranges[k:k + 8]) + ',')
    print('};\n\n}  // namespace\n')
    print('bool is_word_char(uint32_t code) {')
    print('  const auto above = [](uint32_t value, const Range& range) { return value < range.first; };')
    print('  const Range* after = std::upper_bound(std::begin(kWordRanges), std::end(kWordRanges), code, above);')
    print('  return after != std::begin(kWordRanges) && code <= after[-1].last;\n}\n\n}  // namespace roberta')


main()
