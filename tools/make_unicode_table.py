#!/usr/bin/env python3
"""Writes src/text/unicode/unicode_table.cc: the classes of Unicode 16.0.0 that the GPT-2 split pattern asks for.

Needs `pip install unicodedata2==16.0.0`. Usage: make_unicode_table.py > src/text/unicode/unicode_table.cc
Letters are the categories L*, numbers N*; the 25 white-space code points are those that the regular-expression
engine of Hugging Face tokenizers takes for \\s (measured over every scalar value).
"""
import unicodedata2

WHITESPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
BLOCK = 256  # code points a block; 2 bits each, 32 a word


def char_class(code):
    if code in WHITESPACE:
        return SPACE
    category = unicodedata2.category(chr(code))[0]
    return {'L': LETTER, 'N': NUMBER}.get(category, OTHER)


def main():
    assert unicodedata2.unidata_version == '16.0.0', unicodedata2.unidata_version
    classes = [char_class(code) for code in range(0x110000)]
    assert (classes.count(LETTER), classes.count(NUMBER), classes.count(SPACE)) == (141028, 1911, 25)
    blocks, index = {}, []
    for start in range(0, 0x110000, BLOCK):
        words = tuple(sum(c << (2 * k) for k, c in enumerate(classes[w:w + 32])) for w in range(start, start + BLOCK, 32))
        index.append(blocks.setdefault(words, len(blocks)))
    assert len(blocks) <= 256
    print('// Made by tools/make_unicode_table.py from Unicode 16.0.0; do not edit.')
    print('// clang-format off\n#include "text/unicode_table.h"\n\nnamespace roberta {\n')
    print(f'const uint8_t kUnicodeBlockIndex[{len(index)}] = {{')
    for k in range(0, len(index), 32):
        print('  ' + ','.join(map(str, index[k:k + 32])) + ',')
    print(f'}};\n\nconst uint64_t kUnicodeBlocks[{len(blocks)}][8] = {{')
    for words in blocks:
        print('  {' + ','.join(f'{w:#x}' for w in words) + '},')
    print('};\n\n}  // namespace roberta')


main()
