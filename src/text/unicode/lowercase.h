#pragma once
// Text as Python treats it: str.lower(), the white space of str.split(), the \w of its regular expressions.

#include <string>
#include <string_view>

namespace roberta {

/// Code points of UTF-8; invalid bytes become U+FFFD.
std::u32string to_code_points(std::string_view text);
std::string to_utf8(std::u32string_view text);

/// Full mapping: U+0130 becomes two code points, and a capital sigma at the end of a word its final form.
std::u32string python_lowercase(std::u32string_view text);
/// What str.split() splits at: 29 code points, four control characters more than the \s of the tokenizer.
bool is_python_space(char32_t code);
/// Letters, numbers and '_'.
bool is_python_word(char32_t code);

}  // namespace roberta
