#pragma once
// Which files of a directory make a tokenizer.

#include <filesystem>

namespace roberta {

/// Whether the directory has a tokenizer.json or vocab.json.
bool has_tokenizer_files(const std::filesystem::path& directory);

}  // namespace roberta
