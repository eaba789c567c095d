#pragma once
// JSON objects, one a line or as the items of one array, with their line numbers.

#include <cstdint>
#include <string>

#include "io/json/json.h"
#include "io/json/json_scanner.h"
#include "tasks/readers/input_text.h"

namespace roberta {

/// Borrows the input.
class JsonRows {
 public:
  explicit JsonRows(const InputText& input);

  /// False at the end. Error(kInput) with file and line for what is not JSON or not an object.
  bool next(Json& row);
  /// Where the object begins, from 1.
  int64_t line() const { return line_; }
  /// "FILE:LINE" of it.
  std::string location() const { return input_.name + ":" + std::to_string(line_); }

 private:
  /// The text of the next object; empty at the end.
  std::string_view next_line();
  std::string_view next_item();
  template <class Step>
  auto scan(Step step);

  const InputText& input_;
  LineCounter lines_;
  size_t at_ = 0;  // of lines
  bool is_array_ = false, first_ = true, ended_ = false;
  JsonScanner scanner_;  // of an array
  int64_t line_ = 0;
};

}  // namespace roberta
