#include "tasks/documents.h"

#include "core/error.h"
#include "io/json.h"

namespace roberta {
namespace {

bool is_jsonl(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".jsonl.zst");
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

DocumentReader::DocumentReader(const std::filesystem::path& path, std::string field)
    : reader_(path), field_(std::move(field)), rows_(is_jsonl(path)) {}

bool DocumentReader::next(std::string& document) {
  document.clear();
  return rows_ ? next_row(document) : next_text(document);
}

bool DocumentReader::next_text(std::string& document) {
  for (std::string_view line; reader_.next_line(line);) {
    if (is_blank(line)) {
      if (!document.empty()) return true;
      continue;
    }
    if (!document.empty()) document += '\n';
    document += line;
  }
  return !document.empty();
}

bool DocumentReader::next_row(std::string& document) {
  for (std::string_view line; reader_.next_line(line);) {
    if (is_blank(line)) continue;
    const std::string place = concat(reader_.name(), ":", reader_.line_number());
    try {
      const Json row = parse_json(line, "text", place);
      const JsonFields fields(row, "text", place);
      if (!fields.find(field_)) fields.refuse(field_, "is missing; name the member that holds the text");
      document = fields.string(field_, "");
    } catch (const Error& error) {  // JSON of models is Error(kModel)
      throw Error(ErrorCode::kInput, error.what());
    }
    if (!document.empty()) return true;
  }
  return false;
}

}  // namespace roberta
