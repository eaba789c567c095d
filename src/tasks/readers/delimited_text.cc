#include "tasks/readers/delimited_text.h"

#include <algorithm>

#include "core/error.h"

namespace roberta {

bool DelimitedText::skip_blank_lines() {
  const std::string_view text = input_.text;
  while (at_ < text.size()) {
    const size_t end = std::min(text.find('\n', at_), text.size());
    if (text.substr(at_, end - at_).find_first_not_of(" \r") != std::string_view::npos) return true;
    at_ = std::min(end + 1, text.size());
  }
  return false;
}

/// The field whose opening quote is at at_; leaves at_ after the closing one.
std::string DelimitedText::quoted_field(size_t number) {
  const std::string_view text = input_.text;
  std::string field;
  for (++at_;;) {
    const size_t quote = text.find('"', at_);
    if (quote == std::string_view::npos)
      fail(ErrorCode::kInput, "[data] ", location(), ": column ", number,
           ": the field begins with a quote (\") that is never closed");
    field.append(text, at_, quote - at_);
    at_ = quote + 1;
    if (at_ == text.size() || text[at_] != '"') break;
    field += '"';
    ++at_;
  }
  if (text.substr(at_).starts_with("\r\n") || text.substr(at_) == "\r") ++at_;
  if (at_ < text.size() && text[at_] != '\n' && text[at_] != separator_)
    fail(ErrorCode::kInput, "[data] ", input_.name, ":", lines_.line_of(at_), ": column ", number,
         ": text after a closing quote; a quote inside a quoted field is written twice (\"\")");
  return field;
}

bool DelimitedText::next(std::vector<std::string>& fields) {
  fields.clear();
  if (!skip_blank_lines()) return false;
  const std::string_view text = input_.text;
  line_ = lines_.line_of(at_);
  const char ends[] = {separator_, '\n'};
  for (;;) {
    if (quotes_ && at_ < text.size() && text[at_] == '"') {
      fields.push_back(quoted_field(fields.size() + 1));
    } else {
      const size_t end = std::min(text.find_first_of({ends, 2}, at_), text.size());
      std::string_view field = text.substr(at_, end - at_);
      at_ = end;
      if ((end == text.size() || text[end] == '\n') && field.ends_with('\r')) field.remove_suffix(1);
      fields.emplace_back(field);
    }
    if (at_ == text.size()) return true;
    if (text[at_++] == '\n') return true;
  }
}

}  // namespace roberta
