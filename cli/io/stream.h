#pragma once
// What the streaming commands share: rows from arguments or standard input, worked on in batches, answered in
// order.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/io/json_row.h"
#include "cli/settings/settings.h"

namespace roberta::cli {

struct Row {
  int64_t line = 0;                   ///< of the input, or number of the argument; from 1
  std::string text;                   ///< the text; of a pair the first, of Field::kQuestion the question
  std::optional<std::string> second;  ///< of a pair the second, the context
  std::optional<std::vector<std::string>> words;  ///< of Field::kWords, instead of the text
  std::vector<int32_t> ids;                       ///< Field::kIds
  std::string source;                             ///< the row of JSONL as it was read; empty for plain text
  bool has_output = false;                        ///< see ParsedRow
  std::string error;                              ///< why the row can't be worked on; empty: it can
};

/// Fills in one answer a row: JSON without line ends, or text without the last line end. An Error(kInput)
/// or Error(kNumeric) means that one of the rows is bad: the driver finds out which by asking again for parts
/// of the batch, so nothing may have been kept of the call.
using Work = std::function<void(std::span<const Row> rows, std::span<std::string> answers)>;

struct StreamPlan {
  Field field = Field::kText;
  bool pairs =
      false;  ///< Field::kPair: each row needs a second text; plain rows are two columns, a tab between
  /// Field::kQuestion: stand in for what rows don't have. Plain rows are then what is left, and without
  /// either two columns.
  std::optional<std::string> question, context;
  int64_t batch_bytes = 1 << 20;  ///< a batch ends when its rows hold this much
  int64_t batch_rows = 4096;
  bool silent = false;                      ///< answers go elsewhere (--output FILE): nothing is printed
  std::function<void(const Row&)> bad_row;  ///< told of each skipped row, in order
};

/// --format json, also when --keep-fields asks for it. Error(kUsage) when both say different things.
bool answers_are_json(const Settings& settings);
/// Runs the whole stream and closes standard output. Returns the exit code: 0, or 3 when rows were skipped.
/// Throws the first row's error, after the answers before it are printed, with --on-error stop.
int run_stream(const Settings& settings, const StreamPlan& plan, const Work& work);

}  // namespace roberta::cli
