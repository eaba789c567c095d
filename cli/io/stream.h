#pragma once
// Shared by the streaming commands: rows from arguments or standard input are processed in batches, results
// printed in order.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/io/json_row.h"
#include "cli/settings/settings.h"

namespace roberta::cli {

struct Row {
  int64_t line = 0;                               ///< line of the input, or index of the argument; from 1
  std::string text;                               ///< the text, the first text of a pair, or the question
  std::optional<std::string> second;              ///< the second text of a pair, or the context
  std::optional<std::vector<std::string>> words;  ///< Field::kWords, instead of the text
  std::vector<int32_t> ids;                       ///< Field::kIds
  std::string source;                             ///< the JSONL row as read; empty for plain text
  bool has_output = false;                        ///< see ParsedRow
  std::string error;                              ///< why the row is invalid; empty if it is valid
};

/// Fills in one result per row: JSON without line ends, or text without the last line end. Error(kInput) or
/// Error(kNumeric) means that one of the rows is invalid: the driver finds it by calling again with parts of
/// the batch, so a failed call must have no effect.
using ProcessRows = std::function<void(std::span<const Row> rows, std::span<std::string> results)>;

struct StreamOptions {
  Field field = Field::kText;
  bool pairs = false;  ///< Field::kPair: each row must have a second text; plain rows are two columns
                       ///< separated by a tab
  /// Field::kQuestion: used for rows without the member. With one of them, a plain row is the other; without
  /// either it is two columns.
  std::optional<std::string> question, context;
  int64_t batch_bytes = 1 << 20;  ///< a batch ends when its rows reach this size
  int64_t batch_rows = 4096;
  bool silent = false;  ///< results go elsewhere (--output FILE); nothing is printed
  std::function<void(const Row&)> on_invalid_row;  ///< called for each skipped row, in order
};

/// Whether the output is JSON: --format json, or --keep-fields. Throws Error(kUsage) if they contradict each
/// other.
bool wants_json(const Settings& settings);
/// Processes all rows and closes standard output. Returns the exit code: 0, or 3 if rows were skipped. With
/// --on-error stop, throws the error of the first invalid row after the results before it are printed.
int run_stream(const Settings& settings, const StreamOptions& options, const ProcessRows& process);

}  // namespace roberta::cli
