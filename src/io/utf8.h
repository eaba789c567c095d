#pragma once
// UTF-8 as Unicode 16.0 section 3.9 (table 3-7) defines it: no overlong forms, no surrogates, nothing above
// U+10FFFF.

#include <string>
#include <string_view>

namespace roberta {

/// Byte position of the first ill-formed sequence; npos when there is none.
size_t find_invalid_utf8(std::string_view text);
/// Each maximal subpart of an ill-formed sequence becomes U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace roberta
