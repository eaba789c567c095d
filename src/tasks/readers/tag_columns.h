#pragma once
// A file in which somebody else's tags stand beside the right ones: a word a line, the right tag in the last
// column but one, the predicted one in the last, blank line between sentences; what conlleval reads.

#include <filesystem>
#include <string>
#include <vector>

namespace roberta {

struct TagColumns {
  std::vector<std::vector<std::string>> truth, predicted;  ///< by sentence
};

/// Columns are separated by white space. Lines of -DOCSTART- are left out. Also .gz and .zst. Error(kInput)
/// names file and line; an empty file is an error too.
TagColumns read_tag_columns(const std::filesystem::path& file);

}  // namespace roberta
