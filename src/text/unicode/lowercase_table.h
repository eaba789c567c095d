#pragma once
// The tables behind lowercase.h, made by tools/make_lowercase_table.py; each ascending.

#include <cstddef>
#include <cstdint>

namespace roberta {

/// Codes first, first + stride, ..., last are moved by `difference`.
struct LowercaseRun {
  uint32_t first, last, stride;
  int32_t difference;
};
struct CodeRun {
  uint32_t first, last;
};

extern const LowercaseRun kLowercase[];
extern const size_t kLowercaseSize;
extern const CodeRun kCased[];  ///< without those that are ignored
extern const size_t kCasedSize;
extern const CodeRun kCaseIgnorable[];
extern const size_t kCaseIgnorableSize;

}  // namespace roberta
