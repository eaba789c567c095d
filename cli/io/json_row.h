#pragma once
// One row of JSONL input. Bounded depth and no tree: a hostile line costs no more memory than its length.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::cli {

/// Which members of a row are worked on.
enum class Field : uint8_t {
  kText,      ///< "text"
  kIds,       ///< "ids"
  kPair,      ///< "text", and perhaps "text_pair"
  kWords,     ///< "text" or "words"
  kQuestion,  ///< "question", "context"; whether both are needed is the caller's to say
};
/// Names of the first and of the second string member; nullptr without a second.
struct FieldNames {
  const char *first, *second;
};
FieldNames names_of(Field field);

struct ParsedRow {
  std::string text;  ///< the first string member, unescaped
  bool has_text = false;
  std::optional<std::string> second;              ///< the second one
  std::optional<std::vector<std::string>> words;  ///< "words"
  std::vector<int32_t> ids;                       ///< "ids"
  bool has_output = false;  ///< the row has a member 'output' or 'error', which an answer replaces
};

/// Error(kInput) that says what is wrong and at which column (byte, from 1).
ParsedRow parse_row(std::string_view json, Field field);
/// Ids of a line of text: numbers with spaces or commas between, a JSON list, or {"ids": [...]}.
std::vector<int32_t> parse_ids(std::string_view line);
/// The row as it was, with `members` ("\"output\":...") at its end. `row` has been parsed without error.
std::string with_members(std::string_view row, bool has_output, std::string_view members);

}  // namespace roberta::cli
