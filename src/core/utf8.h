#pragma once
// UTF-8 as Unicode 16.0 section 3.9 (table 3-7) defines it: no overlong forms, no surrogates, nothing above
// U+10FFFF.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace roberta {

/// A fraction of a nanosecond a byte.
bool is_valid_utf8(std::string_view text);
/// Byte position of the first invalid sequence; npos when there is none.
size_t find_invalid_utf8(std::string_view text);
/// `text` with each maximal invalid subpart replaced by U+FFFD, as Python's errors="replace" and the Unicode
/// standard have it.
std::string replace_invalid_utf8(std::string_view text);
/// `text` itself when it is valid; otherwise `storage`, which then holds replace_invalid_utf8(text).
std::string_view repaired_utf8(std::string_view text, std::string& storage);

struct Utf8Sequence {
  size_t bytes;  ///< of the code point, or of the maximal invalid subpart
  bool valid;
};
/// The sequence at the beginning of a text that isn't empty.
Utf8Sequence first_sequence(std::string_view text);

/// Appends one code point, which must be valid.
void append_utf8(std::string& out, uint32_t code);

inline bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }
/// Of valid UTF-8.
size_t count_code_points(std::string_view text);
/// The longest part of `text` from its beginning that has at most `bytes` bytes and ends with a whole code
/// point.
std::string_view cut_utf8(std::string_view text, size_t bytes);

// For valid UTF-8 only: nothing is checked.

/// Bytes of the code point that starts with `lead`.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point at `p`.
inline uint32_t decode_utf8(const char* p) {
  const auto byte = [p](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(p[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return lead;
  if (lead < 0xE0) return ((lead & 0x1F) << 6) | (byte(1) & 0x3F);
  if (lead < 0xF0) return ((lead & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
  return ((lead & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F);
}

}  // namespace roberta
