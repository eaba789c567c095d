#pragma once
// Labelled texts and pairs of texts: TSV and CSV with a header (or, of some GLUE files, without), JSON lines.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tasks/readers/input_text.h"

namespace roberta {

/// What the labels are.
enum class LabelKind : uint8_t { kClass, kValue, kSet };

struct TextExample {
  std::string first, second;       ///< second: of pairs
  int32_t label = -1;              ///< kClass: index into the labels; -1: none (a test set)
  float value = 0;                 ///< kValue
  std::vector<int32_t> label_set;  ///< kSet: indices, ascending
  int64_t line = 0;                ///< of the file, from 1
};

struct TextData {
  std::filesystem::path file;
  LabelKind kind = LabelKind::kClass;
  bool pairs = false;
  std::vector<std::string> labels;  ///< names, by index; none of kValue
  std::vector<TextExample> examples;
  int64_t skipped = 0;  ///< rows dropped because the format says so (QQP's broken ones)
};

/// Where the texts and labels are. A column is named by the header, or for files without one by its number
/// from 1 ("4"). Names are tried in order; the first one in the header counts. In JSON they are members of
/// the objects.
struct TextColumns {
  std::vector<std::string> first, second, label;  ///< no second: single texts. No label: unlabelled
  bool second_optional = false;                   ///< without a column of the second text, texts are single
  bool header = true;                             ///< false: none, unless the first row has a requested name
  char separator = 0;  ///< '\t', ','; 0: by the file's name (.tsv, .csv, .jsonl, .json) or first line
  Quotes quotes = Quotes::kCsv;
  double scale = 1;              ///< of values: STS-B has 0.2
  bool drop_broken = false;      ///< rows whose number of columns differs from the header's are skipped (QQP)
  bool numbered_labels = false;  ///< a whole number that is not a given label's name is a label's index
};

struct TextDataOptions {
  TextColumns columns;
  LabelKind kind = LabelKind::kClass;
  std::string set_separator = ",";  ///< between the labels of kSet, where a row has them as one string
  /// Names by index. Empty: those that occur, sorted (numbers by value), which a training set decides. A
  /// label that isn't among them is Error(kInput) with file, line and the names.
  std::vector<std::string> labels;
  bool labelled = true;  ///< false: the label column may be missing, and labels may be empty or "-1"
  int64_t limit = 0;     ///< examples; 0: all. Labels that are collected are those of the whole file
};

/// Also .gz and .zst. Error(kInput) names file, line and column, and what columns there are; an empty file is
/// an error too.
TextData read_text_data(const std::filesystem::path& file, const TextDataOptions& options);
/// The same of the content of a file, decompressed.
TextData parse_text_data(const std::filesystem::path& file, std::string bytes,
                         const TextDataOptions& options);

}  // namespace roberta
