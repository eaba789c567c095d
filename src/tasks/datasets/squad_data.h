#pragma once
// Questions about paragraphs: the JSON of SQuAD 1.1 and 2.0.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace roberta {

struct SquadAnswer {
  std::string text;
  int64_t start = 0;  ///< in code points of the context; -1: it isn't there
};
struct SquadQuestion {
  std::string id, question;
  size_t context;  ///< index into SquadData::contexts
  std::vector<SquadAnswer> answers;
  bool impossible = false;
  int64_t line = 0;  ///< of the file, where its id stands; from 1
};
struct SquadData {
  std::filesystem::path file;
  std::vector<std::string> contexts;
  std::vector<SquadQuestion> questions;
  bool version2 = false;  ///< the file has impossible questions, read or beyond the limit
  int64_t moved = 0;      ///< answers whose text stands elsewhere than answer_start says, and was found near
  /// Answers whose text isn't in the context. Of training they are left out, and a question that has no
  /// other; else they stay, with start -1: the official script scores them all the same.
  int64_t dropped = 0;
};

struct SquadDataOptions {
  bool training = false;  ///< each question needs an answer or to be impossible
  /// repair: an answer that isn't where answer_start says is looked for (the nearest place of the same text);
  /// error: Error(kInput) with file, line and id.
  std::string offsets = "repair";
  int64_t limit = 0;  ///< questions; 0: all
};

/// Also .gz and .zst. Error(kInput) names file, line and field.
SquadData read_squad(const std::filesystem::path& file, const SquadDataOptions& options);
/// The same of the content of a file, decompressed.
SquadData parse_squad(const std::filesystem::path& file, std::string bytes, const SquadDataOptions& options);

}  // namespace roberta
