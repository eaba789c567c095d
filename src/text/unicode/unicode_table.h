#pragma once
// The four character classes of the GPT-2 split pattern, by Unicode 16.0.0 (the table that Hugging Face
// tokenizers 0.23.3 uses). Two-stage table: 256 code points a block, 2 bits each.

#include <cstdint>

namespace roberta {

enum class CharClass : uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3 };

extern const uint8_t kUnicodeBlockIndex[];
extern const uint64_t kUnicodeBlocks[][8];

/// Class of a scalar value; `code` must be below 0x110000.
inline CharClass char_class(uint32_t code) {
  const uint64_t word = kUnicodeBlocks[kUnicodeBlockIndex[code >> 8]][(code >> 5) & 7];
  return static_cast<CharClass>((word >> (2 * (code & 31))) & 3);
}

}  // namespace roberta
