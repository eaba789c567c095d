#include "text/tokenizer/pretokenize.h"

#include <bit>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/cpus.h"
#include "core/utf8.h"
#include "text/unicode/unicode_table.h"

namespace roberta {

namespace {

/// Bytes of the contraction ('s 't 're 've 'm 'll 'd) at the apostrophe `p`; 0 when there is none.
inline size_t contraction(const char* p, const char* end) {
  if (end - p < 2) return 0;
  const char a = p[1];
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if (end - p < 3) return 0;
  const char b = p[2];
  return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

inline CharClass class_at(const char* p) { return char_class(decode_utf8(p)); }

inline const char* skip_class(const char* p, const char* end, CharClass wanted) {
  while (p != end && class_at(p) == wanted) p += utf8_length(*p);
  return p;
}

/// Classes of 64 bytes of ASCII, one bit each.
struct Window {
  uint64_t letter, number, blank /* U+0020 */, space /* all white space */, apostrophe, high /* not ASCII */;
};

/// Bit i: a pre-token starts at byte i. Byte 0 is known to start one; `bytes` are readable (at most 64), and
/// what lies beyond them is taken for white space. Right for ASCII as far as two bytes beyond bit i are known
/// or the text ends.
inline uint64_t find_starts(const Window& w, const char* p, size_t bytes) {
  const uint64_t other = ~(w.letter | w.number | w.space);
  const uint64_t same = (w.letter & (w.letter << 1)) | (w.number & (w.number << 1)) | (other & (other << 1));
  const uint64_t after_space = w.space << 1;
  // A word starts at its class's first byte, or at the one blank before it. A run of white space starts a
  // pre-token, and so does its last byte when text follows.
  uint64_t starts = (~w.space & ~same & ~(w.blank << 1)) | (w.space & ~after_space) |
                    (w.space & after_space & (~w.space >> 1)) | 1;
  for (uint64_t rest = w.apostrophe & starts; rest != 0; rest &= rest - 1) {
    const int at = std::countr_zero(rest);
    const size_t length = contraction(p + at, p + bytes);
    if (length == 0) continue;
    starts &= ~(uint64_t{2} << at);
    if (at + length < 64) starts |= uint64_t{1} << (at + length);
  }
  return starts;
}

inline uint64_t low_bits(size_t count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }

/// Keeps the starts after byte 0 that the window can be sure of. `final` says that the text ends with the
/// window.
inline uint64_t sure_starts(const Window& w, const char* p, size_t bytes, bool& final) {
  const uint64_t high = w.high & low_bits(bytes);
  const size_t ascii = high != 0 ? static_cast<size_t>(std::countr_zero(high)) : bytes;
  final = final && high == 0;
  if (!final && ascii < 4) return 0;
  return find_starts(w, p, bytes) & low_bits(final ? ascii : ascii - 2) & ~uint64_t{1};
}

size_t scan_portable(const char* p, const char* end, uint32_t* ends, size_t capacity) {
  const char* const begin = p;
  size_t count = 0;
  while (p != end && count < capacity) {
    p += next_pretoken(p, end);
    ends[count++] = static_cast<uint32_t>(p - begin);
  }
  return count;
}

#if defined(__x86_64__)

#define ROBERTA_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define ROBERTA_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi,bmi2,lzcnt,popcnt")))

ROBERTA_AVX512 inline Window classify_avx512(__m512i v, uint64_t valid) {
  const __m512i lower = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
  Window w;
  w.letter = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(lower, _mm512_set1_epi8('a')), _mm512_set1_epi8(26));
  w.number = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
  w.blank = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(' '));
  w.space = w.blank | ~valid |
            _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('\t')), _mm512_set1_epi8(5));
  w.apostrophe = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\''));
  w.high = _mm512_movepi8_mask(v);
  return w;
}

/// Writes base + i for each set bit i, in groups of 16 (so up to 15 entries beyond the count are
/// overwritten).
ROBERTA_AVX512 inline size_t store_positions_avx512(uint64_t bits, uint32_t base, uint32_t* out) {
  const __m512i iota =
      _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42,
                      41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20,
                      19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i packed = _mm512_maskz_compress_epi8(bits, iota);
  const size_t count = static_cast<size_t>(_mm_popcnt_u64(bits));
  const __m512i offset = _mm512_set1_epi32(static_cast<int>(base));
  const __m512i first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
  _mm512_storeu_si512(out, _mm512_add_epi32(first, offset));
  if (count > 16) {
    const __m512i second = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1));
    const __m512i third = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2));
    const __m512i fourth = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3));
    _mm512_storeu_si512(out + 16, _mm512_add_epi32(second, offset));
    _mm512_storeu_si512(out + 32, _mm512_add_epi32(third, offset));
    _mm512_storeu_si512(out + 48, _mm512_add_epi32(fourth, offset));
  }
  return count;
}

ROBERTA_AVX512 size_t scan_avx512(const char* p, const char* end, uint32_t* ends, size_t capacity) {
  const char* const begin = p;
  size_t count = 0;
  while (p != end && count + kPretokenRoom <= capacity) {
    const size_t bytes = end - p < 64 ? static_cast<size_t>(end - p) : 64;
    const uint64_t valid = low_bits(bytes);
    bool final = end - p <= 64;
    const Window w = classify_avx512(_mm512_maskz_loadu_epi8(valid, p), valid);
    const uint64_t starts = sure_starts(w, p, bytes, final);
    const uint32_t base = static_cast<uint32_t>(p - begin);
    if (starts != 0) count += store_positions_avx512(starts, base, ends + count);
    if (final) {
      ends[count++] = base + static_cast<uint32_t>(bytes);
      return count;
    }
    if (starts != 0) {
      p += 63 - std::countl_zero(starts);
    } else {  // a long word, or one with characters beyond ASCII
      p += next_pretoken(p, end);
      ends[count++] = static_cast<uint32_t>(p - begin);
    }
  }
  return count;
}

ROBERTA_AVX2 inline uint64_t mask_avx2(__m256i low, __m256i high) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

/// Bytes of v in [first, first + count), as 0xFF.
ROBERTA_AVX2 inline __m256i in_range_avx2(__m256i v, char first, char count) {
  const __m256i shifted = _mm256_sub_epi8(v, _mm256_set1_epi8(first));
  return _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, _mm256_set1_epi8(static_cast<char>(count - 1))), shifted);
}

ROBERTA_AVX2 inline Window classify_avx2(const char* p, uint64_t valid) {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
  const __m256i case_bit = _mm256_set1_epi8(0x20), quote = _mm256_set1_epi8('\'');
  Window w;
  w.letter = mask_avx2(in_range_avx2(_mm256_or_si256(a, case_bit), 'a', 26),
                       in_range_avx2(_mm256_or_si256(b, case_bit), 'a', 26));
  w.number = mask_avx2(in_range_avx2(a, '0', 10), in_range_avx2(b, '0', 10));
  w.blank = mask_avx2(_mm256_cmpeq_epi8(a, case_bit), _mm256_cmpeq_epi8(b, case_bit));
  w.space = w.blank | ~valid | mask_avx2(in_range_avx2(a, '\t', 5), in_range_avx2(b, '\t', 5));
  w.apostrophe = mask_avx2(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
  w.high = mask_avx2(a, b);
  return w;
}

ROBERTA_AVX2 size_t scan_avx2(const char* p, const char* end, uint32_t* ends, size_t capacity) {
  const char* const begin = p;
  size_t count = 0;
  char padded[64];
  while (p != end && count + kPretokenRoom <= capacity) {
    const size_t bytes = end - p < 64 ? static_cast<size_t>(end - p) : 64;
    bool final = end - p <= 64;
    const char* window = p;
    if (bytes < 64) {
      std::memset(padded, 0, sizeof padded);
      std::memcpy(padded, p, bytes);
      window = padded;
    }
    const Window w = classify_avx2(window, low_bits(bytes));
    const uint64_t starts = sure_starts(w, p, bytes, final);
    const uint32_t base = static_cast<uint32_t>(p - begin);
    for (uint64_t rest = starts; rest != 0; rest &= rest - 1)
      ends[count++] = base + static_cast<uint32_t>(std::countr_zero(rest));
    if (final) {
      ends[count++] = base + static_cast<uint32_t>(bytes);
      return count;
    }
    if (starts != 0) {
      p += 63 - std::countl_zero(starts);
    } else {
      p += next_pretoken(p, end);
      ends[count++] = static_cast<uint32_t>(p - begin);
    }
  }
  return count;
}

#endif

using Scan = size_t (*)(const char*, const char*, uint32_t*, size_t);

Scan choose_scan() {
#if defined(__x86_64__)
  const std::string level = requested_instruction_set();
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && level != "portable";
  const bool avx512 = avx2 && level != "avx2" && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vbmi2");
  if (avx512) return scan_avx512;
  if (avx2) return scan_avx2;
#endif
  return scan_portable;
}

}  // namespace

size_t next_pretoken(const char* p, const char* end) {
  const char* const begin = p;
  if (*p == '\'') {
    if (const size_t length = contraction(p, end)) return length;
  }
  CharClass kind = class_at(p);
  if (*p == ' ' && p + 1 != end) {
    const CharClass next = class_at(p + 1);
    if (next != CharClass::kSpace) {
      ++p;
      kind = next;
    }
  }
  const char* stop = skip_class(p, end, kind);
  if (kind == CharClass::kSpace &&
      stop != end) {  // leave the last white space to what follows, unless it is the only one
    const char* last = stop - 1;
    while (is_continuation(*last)) --last;
    if (last != begin) stop = last;
  }
  return static_cast<size_t>(stop - begin);
}

size_t scan_pretokens(const char* p, const char* end, uint32_t* ends, size_t capacity) {
  static const Scan scan = choose_scan();
  return scan(p, end, ends, capacity);
}

}  // namespace roberta
