#include "tasks/readers/tag_columns.h"

#include "core/error.h"
#include "core/strings.h"
#include "io/text_reader.h"

namespace roberta {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlank, end);
  }
  return fields;
}

bool is_tag(std::string_view tag) {
  return tag == "O" || (std::string_view("BIES").find(tag[0]) != std::string_view::npos &&
                        (tag.size() == 1 || tag[1] == '-'));
}

}  // namespace

TagColumns read_tag_columns(const std::filesystem::path& file) {
  TagColumns out;
  bool inside = false;  // of a sentence
  TextReader reader(file);
  for (std::string_view line; reader.next_line(line);) {
    const std::vector<std::string_view> fields = fields_of(line);
    if (fields.empty() || fields[0] == "-DOCSTART-") {
      inside = false;
      continue;
    }
    const auto reject = [&](const auto&... why) {
      fail(ErrorCode::kInput, "[evaluate] ", reader.name(), ":", reader.line_number(), ": ", why...);
    };
    if (fields.size() < 3)
      reject("has ", fields.size(), " columns; expected a word, its tag and the predicted tag");
    for (size_t i = fields.size() - 2; i < fields.size(); ++i) {
      if (!is_tag(fields[i]))
        reject("'", printable(fields[i], 60), "' is not a tag; expected O, or B-, I-, E- or S- and a type");
    }
    if (!inside) {
      out.truth.emplace_back();
      out.predicted.emplace_back();
      inside = true;
    }
    out.truth.back().emplace_back(fields[fields.size() - 2]);
    out.predicted.back().emplace_back(fields.back());
  }
  if (out.truth.empty()) fail(ErrorCode::kInput, "[evaluate] ", reader.name(), ": no sentences");
  return out;
}

}  // namespace roberta
