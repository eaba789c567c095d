#include "core/strings.h"

#include <algorithm>
#include <cstdio>

#include "core/utf8.h"

namespace roberta {
namespace {

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// C0, DEL, and C1 (U+0080 to U+009F: C2 80 to C2 9F).
bool is_control(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  return sequence.size() == 1 ? byte(0) < 0x20 || byte(0) == 0x7F : byte(0) == 0xC2 && byte(1) < 0xA0;
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

std::string_view trimmed_end(std::string_view text, std::string_view blanks) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);  // npos + 1 == 0
}

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  text = trimmed_end(text, blanks);
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_char(c);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_char(x) == lower_char(y); });
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (const std::string& part : split(text, separator)) {
    if (const std::string_view item = trimmed(part); !item.empty()) parts.emplace_back(item);
  }
  return parts;
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string fixed(double value, int decimals) {
  char text[400];  // the largest double has 309 digits before the point
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string printable(std::string_view text, size_t limit) {
  const std::string_view shown = cut_utf8(text, limit);
  std::string out;
  out.reserve(shown.size() + 3);
  for (size_t at = 0; at < shown.size();) {
    const Utf8Sequence next = first_sequence(shown.substr(at));
    const std::string_view sequence = shown.substr(at, next.bytes);
    if (next.valid && !is_control(sequence)) {
      out += sequence;
    } else {
      for (const char c : sequence) append_escaped(out, c);
    }
    at += next.bytes;
  }
  if (shown.size() < text.size()) out += "...";
  return out;
}

std::string quoted_names(std::span<const std::string> names, size_t limit) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), limit); ++i)
    out += (i > 0 ? ", '" : "'") + printable(names[i], 60) + "'";
  if (names.size() > limit) out += " and " + std::to_string(names.size() - limit) + " more";
  return out;
}

}  // namespace roberta
