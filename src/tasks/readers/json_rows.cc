#include "tasks/readers/json_rows.h"

#include <algorithm>

#include "core/error.h"

namespace roberta {
namespace {
constexpr const char* kSpaces = " \t\r\n";
}

template <class Step>
auto JsonRows::scan(Step step) {
  try {
    return step();
  } catch (const JsonScanError& error) {
    const size_t newline = input_.text.rfind('\n', error.offset);
    fail(ErrorCode::kInput, "[data] ", input_.name, ":", lines_.line_of(error.offset), ": column ",
         error.offset - (newline == std::string::npos ? 0 : newline + 1) + 1,
         ": not valid JSON: ", error.message);
  }
}

JsonRows::JsonRows(const InputText& input) : input_(input), lines_(input.text), scanner_(input.text) {
  is_array_ = scan([&] { return scanner_.peek() == '['; });
  if (is_array_) scanner_.enter('[');
}

std::string_view JsonRows::next_item() {
  if (ended_) return {};
  return scan([&]() -> std::string_view {
    if (!scanner_.next_item(first_, ']')) {
      ended_ = true;
      scanner_.end();
      return {};
    }
    (void)scanner_.peek();
    at_ = scanner_.offset();
    scanner_.skip();
    return std::string_view(input_.text).substr(at_, scanner_.offset() - at_);
  });
}

std::string_view JsonRows::next_line() {
  const std::string_view text = input_.text;
  at_ = text.find_first_not_of(kSpaces, at_);
  if (at_ == std::string_view::npos) {
    at_ = text.size();
    return {};
  }
  return text.substr(at_, std::min(text.find('\n', at_), text.size()) - at_);
}

bool JsonRows::next(Json& row) {
  const std::string_view text = is_array_ ? next_item() : next_line();
  if (text.empty()) return false;
  line_ = lines_.line_of(at_);
  at_ += text.size();
  try {
    row = parse_json(text, "data", location());
  } catch (const Error& error) {  // parse_json fails with Error(kModel)
    std::string what = error.what();
    // The line is that of the file; the parser's is that of the object.
    if (const size_t at = what.find(": line 1, column"); at != std::string::npos) what.erase(at + 2, 8);
    throw Error(ErrorCode::kInput, what);
  }
  if (!row.is_object())
    fail(ErrorCode::kInput, "[data] ", location(), ": expected a JSON object, got ", row.type_name());
  return true;
}

}  // namespace roberta
