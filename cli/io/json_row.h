#pragma once
// One row of JSONL input, parsed with bounded depth and without a tree, so that memory is proportional to the
// length of the line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::cli {

/// The members of a row that a command processes.
enum class Field : uint8_t {
  kText,      ///< "text"
  kIds,       ///< "ids"
  kPair,      ///< "text", and optionally "text_pair"
  kWords,     ///< "text" or "words"
  kQuestion,  ///< "question", "context"; the caller decides whether both are required
};
/// Names of the first and second string member; nullptr if there is no second.
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
  bool has_output = false;  ///< the row has a member 'output' or 'error', which the result replaces
};

/// Throws Error(kInput) that names the problem and the column (byte, from 1).
ParsedRow parse_row(std::string_view json, Field field);
/// Token ids of a line: numbers separated by spaces or commas, a JSON list, or {"ids": [...]}.
std::vector<int32_t> parse_ids(std::string_view line);
/// The unchanged row with `members` ("\"output\":...") appended. `row` has been parsed without error.
std::string with_members(std::string_view row, bool has_output, std::string_view members);

}  // namespace roberta::cli
