#pragma once
// The wanted columns of a file of texts, row by row, whatever its format; labels as they are written.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tasks/datasets/text_data.h"
#include "tasks/readers/table.h"

namespace roberta {

struct TextRow {
  std::string first, second;
  std::vector<std::string> labels;  ///< one, or the items of a JSON array; none: null or no such column
  bool is_list = false;             ///< they were an array
  int64_t line = 0;
};

class TextRows {
 public:
  /// Error(kInput) of an empty file, or one without the columns; the label's need not be there unless
  /// `labelled`. Borrows the input.
  TextRows(const InputText& input, const TextColumns& columns, bool labelled);

  /// False at the end. Error(kInput) names file, line and column.
  bool next(TextRow& row);
  /// "FILE:LINE" of the row.
  std::string location() const { return table_->location(); }
  /// Of the label, for messages.
  const std::string& label_column() const;
  /// Whether rows have a second text.
  bool pairs() const;
  /// Rows dropped so far.
  int64_t skipped() const { return table_->skipped(); }

 private:
  std::string text(size_t column);
  std::string label(const Json& value) const;

  std::unique_ptr<Table> table_;
  std::vector<Json> values_;
};

}  // namespace roberta
