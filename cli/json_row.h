#pragma once
// One row of JSONL input. Bounded depth and no tree: a hostile line costs no more memory than its length.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::cli {

enum class Field : uint8_t { kText, kIds };  ///< which member of a row is worked on

struct ParsedRow {
  std::string text;          ///< "text", unescaped
  std::vector<int32_t> ids;  ///< "ids"
  bool has_output = false;   ///< the row has a member 'output' or 'error', which an answer replaces
};

/// Error(kInput) that says what is wrong and at which column (byte, from 1).
ParsedRow parse_row(std::string_view json, Field field);
/// Ids of a line of text: numbers with spaces or commas between, a JSON list, or {"ids": [...]}.
std::vector<int32_t> parse_ids(std::string_view line);
/// The row as it was, with `members` ("\"output\":...") at its end. `row` has been parsed without error.
std::string with_members(std::string_view row, bool has_output, std::string_view members);

}  // namespace roberta::cli
