#pragma once
// Bits of the pages and plots that this room writes: HTML and SVG, well-formed as XML too.

#include <string>

namespace roberta {

/// For text and attributes. Control characters become spaces; invalid UTF-8 becomes "?".
std::string escape_markup(const std::string& text);
std::string print(const char* format, double value);  ///< at most 63 bytes
std::string pixels(double value);                     ///< one decimal

}  // namespace roberta
