#include "tasks/readers/table.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "tasks/readers/delimited_text.h"
#include "tasks/readers/json_rows.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

constexpr size_t kAbsent = std::string::npos;

/// The number of a column, from 1; 0: a name.
size_t column_number(const std::string& name) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

[[noreturn]] void fail_no_column(const std::string& location, const WantedColumn& column,
                                 const Names& present) {
  std::string names, nearest;
  for (const std::string& name : column.names) {
    names += (names.empty() ? "'" : " or '") + printable(name, 60) + "'";
    if (nearest.empty()) nearest = did_you_mean(name, present);
  }
  fail(ErrorCode::kInput, "[data] ", location, ": no column ", names, column.role.empty() ? "" : " for ",
       column.role, "; the columns are ", quoted_names(present), nearest);
}

/// The index of the first wanted name among those present; kAbsent: none.
size_t find_column(const WantedColumn& column, const Names& present, const std::string& location) {
  for (const std::string& name : column.names) {
    const auto found = std::find(present.begin(), present.end(), name);
    if (found == present.end()) continue;
    if (std::find(found + 1, present.end(), name) != present.end())
      fail(ErrorCode::kInput, "[data] ", location, ": two columns are named '", printable(name, 60), "'");
    return static_cast<size_t>(found - present.begin());
  }
  if (column.required) fail_no_column(location, column, present);
  return kAbsent;
}

class DelimitedTable final : public Table {
 public:
  DelimitedTable(const InputText& input, const TableFormat& format, char separator,
                 const std::vector<WantedColumn>& columns)
      : rows_(input, separator,
              format.quotes == Quotes::kAll || (format.quotes == Quotes::kCsv && separator != '\t')),
        drop_broken_(format.drop_broken) {
    if (!rows_.next(fields_)) fail(ErrorCode::kInput, "[data] ", input.name, ": the file is empty");
    Names header;
    for (const std::string& field : fields_) header.emplace_back(trimmed(field));
    has_header_ = format.header || has_name_of(columns.front(), header);
    first_row_waits_ = !has_header_;
    width_ = header.size();
    for (const WantedColumn& column : columns) {
      const size_t at = has_header_ ? find_column(column, header, location()) : numbered(column);
      fields_of_columns_.push_back(at);
      names_.push_back(at == kAbsent ? "" : has_header_ ? header[at] : std::to_string(at + 1));
    }
  }

  bool next(std::vector<Json>& values) override {
    while (first_row_waits_ || rows_.next(fields_)) {
      first_row_waits_ = false;
      if (!is_whole()) continue;
      values.clear();
      for (const size_t at : fields_of_columns_) values.push_back(at == kAbsent ? Json() : Json(fields_[at]));
      return true;
    }
    return false;
  }

  int64_t line() const override { return rows_.line(); }
  std::string location() const override { return rows_.location(); }
  int64_t skipped() const override { return skipped_; }

 private:
  static bool has_name_of(const WantedColumn& column, const Names& header) {
    return std::any_of(column.names.begin(), column.names.end(), [&](const std::string& name) {
      return column_number(name) == 0 && std::find(header.begin(), header.end(), name) != header.end();
    });
  }

  /// Of a table without a header.
  size_t numbered(const WantedColumn& column) const {
    if (column.names.empty()) return kAbsent;
    const auto found = std::find_if(column.names.begin(), column.names.end(),
                                    [](const std::string& name) { return column_number(name) > 0; });
    if (found == column.names.end())
      fail(ErrorCode::kUsage, "[data] ", location(),
           ": the file has no header: give the number of the column of ", column.role, ", from 1");
    const size_t number = column_number(*found);
    if (number <= width_) return number - 1;
    if (column.required)
      fail(ErrorCode::kInput, "[data] ", location(), ": has ", width_, " columns; expected ", column.role,
           " in column ", number);
    return kAbsent;
  }

  /// Whether the row has as many columns as the first one; further ones that are empty don't count.
  bool is_whole() {
    while (fields_.size() > width_ && fields_.back().empty()) fields_.pop_back();
    if (fields_.size() == width_) return true;
    if (drop_broken_) {
      ++skipped_;
      return false;
    }
    fail(ErrorCode::kInput, "[data] ", location(), ": has ", fields_.size(), " columns, the ",
         has_header_ ? "header" : "first row", " has ", width_,
         "; is a separator missing, or unquoted in a text?");
  }

  DelimitedText rows_;
  const bool drop_broken_;
  bool has_header_ = true, first_row_waits_ = false;  // waits: fields_ is a row that next() has not given yet
  Names fields_;
  size_t width_ = 0;
  std::vector<size_t> fields_of_columns_;  // by wanted column
  int64_t skipped_ = 0;
};

class ObjectTable final : public Table {
 public:
  ObjectTable(const InputText& input, std::vector<WantedColumn> columns)
      : rows_(input), columns_(std::move(columns)) {
    if (!rows_.next(object_)) fail(ErrorCode::kInput, "[data] ", input.name, ": the file is empty");
    const Names present = members();
    for (const WantedColumn& column : columns_) {
      const size_t at = find_column(column, present, location());
      names_.push_back(at == kAbsent ? "" : present[at]);
    }
  }

  bool next(std::vector<Json>& values) override {
    if (!first_row_waits_ && !rows_.next(object_)) return false;
    first_row_waits_ = false;
    values.clear();
    for (size_t i = 0; i < columns_.size(); ++i) values.push_back(value(i));
    return true;
  }

  int64_t line() const override { return rows_.line(); }
  std::string location() const override { return rows_.location(); }

 private:
  Names members() const {
    Names names;
    for (const auto& member : object_.items()) names.push_back(member.key());
    return names;
  }

  Json value(size_t column) const {
    if (names_[column].empty()) return {};
    const auto found = object_.find(names_[column]);
    if (found != object_.end()) return *found;
    if (!columns_[column].sparse)
      fail_no_column(location(), {.names = {names_[column]}, .role = columns_[column].role}, members());
    return {};
  }

  JsonRows rows_;
  const std::vector<WantedColumn> columns_;
  Json object_;
  bool first_row_waits_ = true;
};

/// 0: JSON.
char separator_of(const InputText& input, const TableFormat& format) {
  if (format.separator != 0) return format.separator;
  switch (input_format(input.file)) {
    case InputFormat::kJson:
      return 0;
    case InputFormat::kTabs:
      return '\t';
    case InputFormat::kCommas:
      return ',';
    case InputFormat::kUnknown:
      break;
  }
  if (!format.guess)
    fail(ErrorCode::kInput, "[data] ", input.name,
         ": the format is unknown; the name must end in .jsonl, .json, .csv or .tsv (or .gz, .zst of these)");
  const std::string_view text = trimmed(input.text);
  if (text.starts_with('{') || text.starts_with('[')) return 0;
  return text.substr(0, text.find('\n')).find('\t') != std::string_view::npos ? '\t' : ',';
}

}  // namespace

std::unique_ptr<Table> open_table(const InputText& input, const TableFormat& format,
                                  std::vector<WantedColumn> columns) {
  const char separator = separator_of(input, format);
  if (separator == 0) return open_json_table(input, std::move(columns));
  return std::make_unique<DelimitedTable>(input, format, separator, columns);
}

std::unique_ptr<Table> open_json_table(const InputText& input, std::vector<WantedColumn> columns) {
  return std::make_unique<ObjectTable>(input, std::move(columns));
}

}  // namespace roberta
