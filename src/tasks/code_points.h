#pragma once
// A text by code points, in which tokens' offsets count.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/utf8.h"

namespace roberta {

/// Borrows the text, unless it is invalid UTF-8: then it is read as the tokenizer reads it, with U+FFFD.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(repaired_utf8(text, repaired_)) {
    starts_.reserve(text_.size() + 1);
    for (size_t i = 0; i < text_.size(); ++i) {
      if (!is_continuation(text_[i])) starts_.push_back(i);
    }
    starts_.push_back(text_.size());
  }
  CodePoints(const CodePoints&) = delete;
  CodePoints& operator=(const CodePoints&) = delete;

  size_t size() const { return starts_.size() - 1; }
  /// Where a code point begins; index <= size().
  size_t byte(size_t index) const { return starts_[index]; }
  /// The code point that begins at this byte, or the next one.
  size_t index_at(size_t byte) const {
    return static_cast<size_t>(std::lower_bound(starts_.begin(), starts_.end(), byte) - starts_.begin());
  }
  /// Code points [begin, end), as far as the text goes.
  std::string_view slice(size_t begin, size_t end) const {
    const size_t from = std::min(begin, size()), to = std::clamp(end, from, size());
    return text_.substr(starts_[from], starts_[to] - starts_[from]);
  }

 private:
  std::string repaired_;
  std::string_view text_;
  std::vector<size_t> starts_;  // bytes
};

}  // namespace roberta
