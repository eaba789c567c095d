#pragma once
// Rows of tab- or comma-separated text. With quotes as RFC 4180: a field in quotes may hold separators, line
// ends, and quotes written twice. A line ends with \n or \r\n; blank lines are not rows.

#include <cstdint>
#include <string>
#include <vector>

#include "tasks/readers/input_text.h"

namespace roberta {

/// Borrows the input.
class DelimitedText {
 public:
  DelimitedText(const InputText& input, char separator, bool quotes)
      : input_(input), separator_(separator), quotes_(quotes), lines_(input.text) {}

  /// False at the end. Error(kInput) with file and line for a quote that isn't closed, or is followed by
  /// text.
  bool next(std::vector<std::string>& fields);
  /// Where the row begins, from 1.
  int64_t line() const { return line_; }
  /// "FILE:LINE" of the row.
  std::string location() const { return input_.name + ":" + std::to_string(line_); }

 private:
  bool skip_blank_lines();
  std::string quoted_field(size_t number);

  const InputText& input_;
  const char separator_;
  const bool quotes_;
  LineCounter lines_;
  size_t at_ = 0;
  int64_t line_ = 0;
};

}  // namespace roberta
