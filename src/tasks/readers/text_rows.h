#pragma once
// The wanted columns of a file of texts, row by row, whatever its format; labels as they are written.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tasks/datasets/text_data.h"
#include "tasks/readers/input_text.h"

namespace roberta {

struct TextRow {
  std::string first, second;
  std::vector<std::string> labels;  ///< one, or the items of a JSON array; none: null or no such column
  bool is_list = false;             ///< they were an array
  int64_t line = 0;
};

class TextRows {
 public:
  virtual ~TextRows() = default;
  /// False at the end. Error(kInput) names file, line and column.
  virtual bool next(TextRow& row) = 0;
  /// "FILE:LINE" of the row.
  virtual std::string place() const = 0;
  /// Of the label, for messages.
  virtual std::string label_column() const = 0;
  /// Whether rows have a second text.
  virtual bool pairs() const = 0;
  /// Rows dropped so far.
  virtual int64_t skipped() const { return 0; }
};

/// Error(kInput) of an empty file, or one without the columns; the label's need not be there unless
/// `labelled`. Borrows the arguments.
std::unique_ptr<TextRows> open_text_rows(const InputText& input, const TextColumns& columns, bool labelled);

}  // namespace roberta
