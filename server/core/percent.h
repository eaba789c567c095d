#pragma once
// Percent encoding of URLs: "%41" is "A".

#include <optional>
#include <string>
#include <string_view>

namespace roberta::server {

/// nullopt when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace roberta::server
