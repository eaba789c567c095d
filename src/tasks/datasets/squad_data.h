#pragma once
// Questions about paragraphs: the JSON of SQuAD 1.1 and 2.0.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace roberta {

struct SquadAnswer {
  std::string text;
  int64_t start = 0;  ///< in code points of the context; -1: not found
};
struct SquadQuestion {
  std::string id, question;
  size_t context;  ///< index into SquadData::contexts
  std::vector<SquadAnswer> answers;
  bool impossible = false;
  int64_t line = 0;  ///< of the file, where its id is; from 1
};
struct SquadData {
  std::filesystem::path file;
  std::vector<std::string> contexts;
  std::vector<SquadQuestion> questions;
  bool version2 = false;  ///< the file has impossible questions, read or beyond the limit
  int64_t moved = 0;      ///< answers whose text is not at answer_start, but was found elsewhere
  /// Answers whose text isn't in the context. In training they are left out, as are questions that have no
  /// other; otherwise they stay, with start -1, because the official script scores them too.
  int64_t dropped = 0;
};

struct SquadDataOptions {
  bool training = false;  ///< each question must have an answer or be impossible
  /// repair: an answer that isn't at answer_start moves to the nearest occurrence of its text;
  /// error: Error(kInput) with file, line and id.
  std::string offsets = "repair";
  int64_t limit = 0;  ///< questions; 0: all
};

/// Also .gz and .zst. Error(kInput) names file, line and field.
SquadData read_squad(const std::filesystem::path& file, const SquadDataOptions& options);
/// The same of the content of a file, decompressed.
SquadData parse_squad(const std::filesystem::path& file, std::string bytes, const SquadDataOptions& options);

}  // namespace roberta
