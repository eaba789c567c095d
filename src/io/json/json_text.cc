#include "io/json/json_text.h"

#include <charconv>
#include <cmath>

#include "core/utf8.h"
#include "roberta/error.h"

namespace roberta {
namespace {

template <class Float>
void append_float(std::string& out, Float value) {
  check_finite(value);
  char text[40];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  std::string_view digits(text, static_cast<size_t>(end - text));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace

void check_finite(double value) {
  if (!std::isfinite(value))
    throw Error(ErrorCode::kNumeric,
                "[model] the output is NaN or infinity: the weights are damaged or out of range");
}

void append_json_string(std::string& out, std::string_view text) {
  static const char kHex[] = "0123456789abcdef";
  std::string repaired;
  text = repaired_utf8(text, repaired);
  out += '"';
  size_t plain = 0;  // where the bytes begin that need no escape
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f) continue;
    out += text.substr(plain, i - plain);
    plain = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00", out += kHex[byte >> 4], out += kHex[byte & 15];
    }
  }
  out += text.substr(plain);
  out += '"';
}

void append_json_number(std::string& out, float value) { append_float(out, value); }
void append_json_number(std::string& out, double value) { append_float(out, value); }

void append_number(std::string& out, int64_t value) {
  char text[24];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  out.append(text, end);
}

}  // namespace roberta
