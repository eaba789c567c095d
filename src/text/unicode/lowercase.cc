#include "text/unicode/lowercase.h"

#include <algorithm>

#include "core/utf8.h"
#include "text/unicode/lowercase_table.h"
#include "text/unicode/unicode_table.h"

namespace roberta {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3, kSigma = 0x3C3, kFinalSigma = 0x3C2, kDottedCapitalI = 0x130;

/// The run that may hold `code`: the last that begins at or before it; null when all begin after it.
template <class Run>
const Run* run_before(const Run* runs, size_t count, char32_t code) {
  const Run* const next =
      std::upper_bound(runs, runs + count, code, [](char32_t c, const Run& run) { return c < run.first; });
  return next == runs ? nullptr : next - 1;
}

bool holds(const CodeRun* runs, size_t count, char32_t code) {
  const CodeRun* const run = run_before(runs, count, code);
  return run && code <= run->last;
}
bool is_cased(char32_t code) { return holds(kCased, kCasedSize, code); }
bool is_ignored(char32_t code) { return holds(kCaseIgnorable, kCaseIgnorableSize, code); }

/// At the end of a word: something cased before it and nothing cased after it; ignored ones are skipped.
bool is_final_sigma(std::u32string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && is_ignored(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && is_ignored(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

char32_t lower(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  const LowercaseRun* const run = run_before(kLowercase, kLowercaseSize, code);
  if (!run || code > run->last || (code - run->first) % run->stride != 0) return code;
  return static_cast<char32_t>(static_cast<int32_t>(code) + run->difference);
}

}  // namespace

std::u32string to_code_points(std::string_view text) {
  std::string storage;
  text = repaired_utf8(text, storage);
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i += utf8_length(text[i])) out.push_back(decode_utf8(text.data() + i));
  return out;
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t code : text) append_utf8(out, code);
  return out;
}

std::u32string python_lowercase(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t code = text[i];
    if (code == kCapitalSigma) {
      out.push_back(is_final_sigma(text, i) ? kFinalSigma : kSigma);
    } else if (code == kDottedCapitalI) {
      out += U"i\u0307";
    } else {
      out.push_back(lower(code));
    }
  }
  return out;
}

bool is_python_space(char32_t code) {
  return char_class(code) == CharClass::kSpace || (code >= 0x1C && code <= 0x1F);
}

bool is_python_word(char32_t code) {
  const CharClass c = char_class(code);
  return code == '_' || c == CharClass::kLetter || c == CharClass::kNumber;
}

}  // namespace roberta
