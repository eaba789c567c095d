#pragma once
// Small operations on text. Case and white space are those of ASCII.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

inline constexpr std::string_view kBlanks = " \t\r\n";
/// All six that C's isspace() names.
inline constexpr std::string_view kWhitespace = " \t\r\n\v\f";

/// Without `blanks` at both ends.
std::string_view trimmed(std::string_view text, std::string_view blanks = kBlanks);
/// Without `blanks` at the end.
std::string_view trimmed_end(std::string_view text, std::string_view blanks = kBlanks);

std::string lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// The parts between separators: always one more than there are separators, some of them perhaps empty.
std::vector<std::string> split(std::string_view text, char separator);
/// The parts, trimmed, without those that are empty then.
std::vector<std::string> split_list(std::string_view text, char separator = ',');
std::string joined(std::span<const std::string> parts, std::string_view separator);

/// "1.50" for fixed(1.5, 2).
std::string fixed(double value, int decimals);

inline constexpr size_t kNoLimit = std::string_view::npos;
/// Untrusted text for messages and terminals. The result is valid UTF-8 without control characters: those are
/// written as \n, \t or \xNN, as are the bytes of invalid UTF-8. More than `limit` bytes are cut, at a whole
/// code point, with "..." at the end.
std::string printable(std::string_view text, size_t limit = 200);
/// "'a', 'b'", and how many more of many: for messages.
std::string quoted_names(std::span<const std::string> names, size_t limit = 20);

}  // namespace roberta
