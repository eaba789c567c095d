#pragma once
// The files of a model directory besides the weights.

#include <filesystem>
#include <string>

namespace roberta {

/// Copies those that exist; `part` begins the messages of errors.
void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part);
/// The model card, and the files of sentence-transformers.
void copy_companion_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part);

}  // namespace roberta
