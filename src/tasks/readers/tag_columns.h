#pragma once
// A file with predicted tags beside the true ones, as conlleval reads it: one word per line, the true tag in
// the last column but one, the predicted tag in the last, a blank line between sentences.

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
