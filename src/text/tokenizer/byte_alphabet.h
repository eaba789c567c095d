#pragma once
// GPT-2's byte-level alphabet: each byte has a printable character. 188 bytes stand for themselves; the other
// 68, in increasing order, are U+0100 .. U+0143 (a space is 'Ġ', U+0120).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace roberta {

namespace detail {
constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}
constexpr std::array<uint16_t, 256> make_byte_to_char() {
  std::array<uint16_t, 256> table{};
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte)
    table[byte] = stands_for_itself(byte) ? static_cast<uint16_t>(byte) : next++;
  return table;
}
constexpr std::array<int16_t, 0x144> make_char_to_byte() {
  std::array<int16_t, 0x144> table{};
  for (auto& entry : table) entry = -1;
  const auto forward = make_byte_to_char();
  for (int byte = 0; byte < 256; ++byte) table[forward[byte]] = static_cast<int16_t>(byte);
  return table;
}
}  // namespace detail

/// Code point of each byte.
inline constexpr std::array<uint16_t, 256> kByteToChar = detail::make_byte_to_char();
/// Byte of each code point below 0x144; -1 where the code point is not in the alphabet.
inline constexpr std::array<int16_t, 0x144> kCharToByte = detail::make_char_to_byte();

/// Appends the UTF-8 of one byte's character (1 or 2 bytes): ' ' -> "Ġ".
inline void append_byte_char(std::string& out, uint8_t byte) { append_utf8(out, kByteToChar[byte]); }

/// "Ġworld" -> " world", appended to `out`. False, with `out` as it was, when a character is not in the
/// alphabet.
inline bool append_alphabet_bytes(std::string_view text, std::string& out) {
  const size_t before = out.size();
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t code = static_cast<uint8_t>(text[i]);
    if (code >= 0x80) {  // only U+00A1 .. U+0143 qualify: two-byte sequences
      if ((code != 0xC2 && code != 0xC3 && code != 0xC4 && code != 0xC5) || i + 1 == text.size())
        code = 0xFFFF;
      else
        code = ((code & 0x1F) << 6) | (static_cast<uint8_t>(text[++i]) & 0x3F);
    }
    if (code >= kCharToByte.size() || kCharToByte[code] < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(kCharToByte[code]));
  }
  return true;
}

}  // namespace roberta
