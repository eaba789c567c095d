#pragma once
// Rows of wanted columns, whatever the file's format: CSV, TSV, or JSON objects (one a line, or the items of
// one array).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/json/json.h"
#include "tasks/readers/input_text.h"

namespace roberta {

struct TableFormat {
  char separator =
      0;  ///< '\t', ',' or another; 0: by the file's name (.tsv, .tab, .csv, .jsonl, .json, .ndjson)
  bool guess = true;  ///< where the name says nothing: by the first line; false: Error(kInput)
  Quotes quotes = Quotes::kCsv;
  bool header = true;        ///< false: none, unless the first row has a name of the first wanted column
  bool drop_broken = false;  ///< rows with another number of columns than the first are skipped
};

struct WantedColumn {
  /// The first one that the table has counts. In a table without a header they are numbers, from 1. None: the
  /// column is absent.
  std::vector<std::string> names;
  std::string role = "";  ///< for messages: "the text"
  bool required = true;   ///< Error(kInput) when the table has none of the names
  bool sparse = false;    ///< JSON objects after the first may lack it
};

class Table {
 public:
  virtual ~Table() = default;
  /// values[i] is the wanted column i: null where it is absent, a text in CSV and TSV. False at the end.
  /// Error(kInput) names file, line and column.
  virtual bool next(std::vector<Json>& values) = 0;
  /// Where the row begins, from 1.
  virtual int64_t line() const = 0;
  /// "FILE:LINE" of the row.
  virtual std::string location() const = 0;
  /// Rows dropped so far.
  virtual int64_t skipped() const { return 0; }
  /// The name (or number) of the wanted column i in this table; empty: absent.
  const std::string& name(size_t i) const { return names_[i]; }

 protected:
  std::vector<std::string> names_;  // of the wanted columns
};

/// Error(kInput) of an empty file, or one without a required column. Borrows the input.
std::unique_ptr<Table> open_table(const InputText& input, const TableFormat& format,
                                  std::vector<WantedColumn> columns);
/// The same of a file known to be JSON.
std::unique_ptr<Table> open_json_table(const InputText& input, std::vector<WantedColumn> columns);

}  // namespace roberta
