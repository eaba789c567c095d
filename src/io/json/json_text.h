#pragma once
// JSON written straight into a string: what the streaming commands and the server print millions of times.

#include <cstdint>
#include <string>
#include <string_view>

namespace roberta {

/// Quoted and escaped; UTF-8 goes through as it is, invalid bytes become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// Shortest form that reads back to the same float, always with '.' or 'e'. Error(kNumeric) for NaN and
/// infinity.
void append_json_number(std::string& out, float value);
void append_json_number(std::string& out, double value);
void append_number(std::string& out, int64_t value);
/// Error(kNumeric) for NaN and infinity: output that holds them is invalid in any format.
void check_finite(double value);

}  // namespace roberta
