#pragma once
// Texts of files, document by document: .txt with a blank line between, or .jsonl; each also .gz and .zst.

#include <filesystem>
#include <string>

#include "io/text_reader.h"

namespace roberta {

/// Not thread safe. Errors: Error(kInput) that names file, line and field.
class DocumentReader {
 public:
  /// `field` is the member of JSONL rows that holds the text. Standard input ("-") is plain text.
  DocumentReader(const std::filesystem::path& path, std::string field);

  /// The next document, never an empty one; lines joined by '\n'. False at the end.
  bool next(std::string& document);
  /// Bytes taken from the stored file; for progress.
  int64_t stored_position() const { return reader_.stored_position(); }

 private:
  bool next_text(std::string& document);
  bool next_row(std::string& document);

  TextReader reader_;
  std::string field_;
  bool rows_;
};

}  // namespace roberta
