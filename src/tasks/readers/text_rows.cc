#include "tasks/readers/text_rows.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/nearest.h"
#include "io/json/json_scanner.h"
#include "tasks/datasets/label_names.h"
#include "tasks/readers/delimited_text.h"
#include "tasks/readers/json_rows.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kText = "the text";
constexpr const char* kSecond = "the second text";
constexpr const char* kLabel = "the label";

/// The number of a column, from 1; 0: a name.
size_t column_number(const std::string& name) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

[[noreturn]] void fail_no_column(const std::string& place, const Names& wanted, const char* role,
                                 const Names& columns) {
  std::string names;
  for (const std::string& name : wanted) names += (names.empty() ? "'" : " or '") + printable(name, 60) + "'";
  std::string near;
  for (size_t i = 0; i < wanted.size() && near.empty(); ++i) near = did_you_mean(wanted[i], columns);
  fail(ErrorCode::kInput, "[data] ", place, ": no column ", names, " for ", role, "; there are ",
       quoted_names(columns), near);
}

/// The first of the wanted names that is there; npos: none.
size_t find_column(const Names& wanted, const Names& columns, const std::string& place) {
  for (const std::string& name : wanted) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) continue;
    if (std::find(found + 1, columns.end(), name) != columns.end())
      fail(ErrorCode::kInput, "[data] ", place, ": two columns are named '", printable(name, 60), "'");
    return static_cast<size_t>(found - columns.begin());
  }
  return std::string::npos;
}

class DelimitedRows final : public TextRows {
 public:
  DelimitedRows(const InputText& input, const TextColumns& columns, char separator, bool labelled)
      : rows_(input, separator, columns.quotes), drop_broken_(columns.drop_broken) {
    if (!rows_.next(fields_)) fail(ErrorCode::kInput, "[data] ", input.name, ": the file is empty");
    place_ = rows_.place();
    Names header;
    for (const std::string& field : fields_) header.emplace_back(trimmed(field));
    named_ = columns.header || has_name_of(columns, header);
    pending_ = !named_;
    columns_ = header.size();
    first_ = column(columns.first, header, kText, true);
    if (!columns.second.empty()) second_ = column(columns.second, header, kSecond, !columns.second_optional);
    if (!columns.label.empty()) label_ = column(columns.label, header, kLabel, labelled);
    label_column_ = label_ == std::string::npos ? "" : named_ ? header[label_] : std::to_string(label_ + 1);
  }

  bool next(TextRow& row) override {
    while (pending_ || rows_.next(fields_)) {
      pending_ = false;
      place_ = rows_.place();
      if (!is_whole()) continue;
      row.line = rows_.line();
      row.first = std::move(fields_[first_]);
      if (second_ != std::string::npos) row.second = std::move(fields_[second_]);
      row.labels.clear();
      if (label_ != std::string::npos) row.labels.push_back(std::move(fields_[label_]));
      return true;
    }
    return false;
  }

  std::string place() const override { return place_; }
  bool pairs() const override { return second_ != std::string::npos; }
  std::string label_column() const override { return label_column_; }
  int64_t skipped() const override { return skipped_; }

 private:
  static bool has_name_of(const TextColumns& columns, const Names& header) {
    const auto is_named = [&](const std::string& name) {
      return column_number(name) == 0 && std::find(header.begin(), header.end(), name) != header.end();
    };
    return std::any_of(columns.first.begin(), columns.first.end(), is_named);
  }

  size_t column(const Names& wanted, const Names& header, const char* role, bool needed) const {
    if (named_) {
      const size_t found = find_column(wanted, header, place_);
      if (found == std::string::npos && needed) fail_no_column(place_, wanted, role, header);
      return found;
    }
    const auto numbered =
        std::find_if(wanted.begin(), wanted.end(), [](const auto& name) { return column_number(name) > 0; });
    if (numbered == wanted.end())
      fail(ErrorCode::kUsage, "[data] ", place_, ": without a header ", role,
           " needs the number of its column, from 1");
    const size_t number = column_number(*numbered);
    if (number > header.size() && needed)
      fail(ErrorCode::kInput, "[data] ", place_, ": has ", header.size(), " columns; ", role,
           " is wanted in column ", number);
    return number > header.size() ? std::string::npos : number - 1;
  }

  /// Whether the row has as many columns as the first one; empty ones too many are none.
  bool is_whole() {
    while (fields_.size() > columns_ && fields_.back().empty()) fields_.pop_back();
    if (fields_.size() == columns_) return true;
    if (drop_broken_) {
      ++skipped_;
      return false;
    }
    fail(ErrorCode::kInput, "[data] ", place_, ": has ", fields_.size(), " columns, the ",
         named_ ? "header" : "first row", " has ", columns_,
         "; is a separator missing, or unquoted in a text?");
  }

  DelimitedText rows_;
  const bool drop_broken_;
  bool named_ = true, pending_ = false;  // pending: fields_ is a row that next() has not given yet
  Names fields_;
  size_t columns_ = 0, first_ = 0, second_ = std::string::npos, label_ = std::string::npos;
  std::string label_column_, place_;
  int64_t skipped_ = 0;
};

class ObjectRows final : public TextRows {
 public:
  ObjectRows(const InputText& input, const TextColumns& columns, bool labelled)
      : rows_(input), labelled_(labelled) {
    if (!rows_.next(row_)) fail(ErrorCode::kInput, "[data] ", input.name, ": the file is empty");
    const Names names = names_of(row_);
    const auto pick = [&](const Names& wanted, const char* role, bool needed) -> std::string {
      const size_t found = find_column(wanted, names, place());
      if (found == std::string::npos && needed) fail_no_column(place(), wanted, role, names);
      return found == std::string::npos ? "" : names[found];
    };
    first_ = pick(columns.first, kText, true);
    if (!columns.second.empty()) second_ = pick(columns.second, kSecond, !columns.second_optional);
    if (!columns.label.empty()) label_ = pick(columns.label, kLabel, labelled);
  }

  bool next(TextRow& row) override {
    if (!pending_ && !rows_.next(row_)) return false;
    pending_ = false;
    row.line = rows_.line();
    row.first = text(first_, kText);
    if (!second_.empty()) row.second = text(second_, kSecond);
    row.labels.clear();
    row.is_list = false;
    if (!label_.empty()) add_labels(row);
    return true;
  }

  std::string place() const override { return rows_.place(); }
  bool pairs() const override { return !second_.empty(); }
  std::string label_column() const override { return label_; }

 private:
  static Names names_of(const Json& object) {
    Names names;
    for (const auto& member : object.items()) names.push_back(member.key());
    return names;
  }

  const Json* find(const std::string& name, const char* role, bool needed) {
    const auto found = row_.find(name);
    if (found != row_.end()) return &*found;
    if (needed) fail_no_column(place(), {name}, role, names_of(row_));
    return nullptr;
  }

  std::string text(const std::string& name, const char* role) {
    const Json& value = *find(name, role, true);
    if (!value.is_string())
      fail(ErrorCode::kInput, "[data] ", place(), ": column '", name, "' must be a text, is ",
           value.type_name());
    return value.get<std::string>();
  }

  void add_labels(TextRow& row) {
    const Json* value = find(label_, kLabel, labelled_);
    if (!value || value->is_null()) return;
    row.is_list = value->is_array();
    if (!row.is_list) return row.labels.push_back(label(*value));
    for (const Json& item : *value) row.labels.push_back(label(item));
  }

  std::string label(const Json& value) const {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_primitive() || value.is_null())
      fail(ErrorCode::kInput, "[data] ", place(), ": column '", label_,
           "': a label must be a text or a number, is ", value.type_name());
    return value.dump();
  }

  JsonRows rows_;
  const bool labelled_;
  Json row_;
  bool pending_ = true;
  std::string first_, second_, label_;
};

/// 0: JSON.
char separator_of(const InputText& input, const TextColumns& columns) {
  if (columns.separator != 0) return columns.separator;
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
  const std::string_view text = trimmed(input.text);
  if (text.starts_with('{') || text.starts_with('[')) return 0;
  return text.substr(0, text.find('\n')).find('\t') != std::string_view::npos ? '\t' : ',';
}

}  // namespace

std::unique_ptr<TextRows> open_text_rows(const InputText& input, const TextColumns& columns, bool labelled) {
  const char separator = separator_of(input, columns);
  if (separator == 0) return std::make_unique<ObjectRows>(input, columns, labelled);
  TextColumns adapted = columns;
  adapted.quotes = columns.quotes && separator != '\t';
  return std::make_unique<DelimitedRows>(input, adapted, separator, labelled);
}

}  // namespace roberta
