#pragma once
// The files of a model directory besides the weights.

#include <filesystem>
#include <string>

namespace roberta {

/// Copies those that are there; `part` begins the messages of errors.
void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part);
/// The model card, and what sentence-transformers keeps beside a model.
void copy_companion_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part);

}  // namespace roberta
