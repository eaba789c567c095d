#include "api/report/markup.h"

#include <cstdio>

#include "core/utf8.h"

namespace roberta {

std::string escape_markup(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:  // XML knows no other control characters
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return is_valid_utf8(out) ? out : "?";
}

std::string print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string pixels(double value) { return print("%.1f", value); }

}  // namespace roberta
