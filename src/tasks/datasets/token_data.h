#pragma once
// Tagged sentences: CoNLL-style columns (a word a line, its tag in the last column, blank line between
// sentences) and JSON lines or an array ({"tokens": [...], "ner_tags": [...]}; tags as strings, or numbers
// with the names given).

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace roberta {

struct TaggedSentence {
  std::vector<std::string> words;
  std::vector<int32_t> tags;  ///< [words], indices into the labels; empty of unlabelled data
  int64_t line = 0;           ///< of its first word, from 1
};

struct TokenData {
  std::filesystem::path file;
  /// By index: "O" first, then "B-x" and "I-x" of each type that occurs, sorted by type. Under scheme "none"
  /// those that occur, sorted.
  std::vector<std::string> labels;
  std::vector<TaggedSentence> sentences;
  int64_t converted = 0;  ///< tags that were IOB1 and were rewritten to IOB2, of the sentences kept
};

struct TokenDataOptions {
  std::string text_column = "tokens", label_column = "ner_tags";  ///< of JSON lines
  int word_column = 1, tag_column = 0;                            ///< of CoNLL files, from 1; 0: the last
  std::vector<std::string> labels;  ///< empty: those that occur. Otherwise any other is an error
  /// auto: IOB1 where an I- begins a chunk; such tags become IOB2. iob1: the same, and a B- that doesn't
  /// directly follow a chunk of its type is Error(kInput). iob2: an I- that begins a chunk, or follows
  /// another type, is Error(kInput) with the line.
  std::string scheme = "auto";  ///< auto, iob1, iob2, none (tags are not chunks, such as parts of speech)
  bool labelled = true;         ///< false: tags are ignored
  int64_t limit = 0;            ///< sentences; 0: all. Labels that are collected are those of the whole file
};

/// Also .gz and .zst. Error(kInput) names file, line, and what is wrong (a line of too few columns, an
/// invalid tag, I- without B- under iob2).
TokenData read_token_data(const std::filesystem::path& file, const TokenDataOptions& options);
/// The same of the content of a file, decompressed.
TokenData parse_token_data(const std::filesystem::path& file, std::string bytes,
                           const TokenDataOptions& options);

}  // namespace roberta
