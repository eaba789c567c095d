#pragma once
// GPT-2's split of a text into pre-tokens, whose borders merges never cross:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// by hand-written scanners (AVX-512, AVX2 or portable, chosen once; ROBERTA_CPU=avx2|portable forces one).
// Linear time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace roberta {

/// scan_pretokens needs room for at least this many ends.
inline constexpr size_t kPretokenRoom = 64;

/// Finds the next pre-tokens of valid UTF-8 [p, end), where `p` is the beginning of the text or of a
/// pre-token. ends[i] is where the i-th of them ends, in bytes from `p`; returns how many were found: 0 only
/// when p == end. `capacity` >= kPretokenRoom; one call looks at less than 4 GiB of text.
size_t scan_pretokens(const char* p, const char* end, uint32_t* ends, size_t capacity);

/// Only the portable scanner, for tests: length in bytes of the pre-token at `p` (p < end).
size_t next_pretoken(const char* p, const char* end);

/// visit(const char* begin, size_t bytes) for each pre-token, in order. The text must be valid UTF-8.
template <class Visit>
void for_each_pretoken(std::string_view text, Visit&& visit) {
  constexpr size_t kBatch = 256;
  uint32_t ends[kBatch];
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const size_t count = scan_pretokens(p, end, ends, kBatch);
    uint32_t begin = 0;
    for (size_t i = 0; i < count; ++i) {
      visit(p + begin, static_cast<size_t>(ends[i] - begin));
      begin = ends[i];
    }
    p += begin;
  }
}

}  // namespace roberta
