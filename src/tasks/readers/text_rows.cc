#include "tasks/readers/text_rows.h"

#include "core/error.h"

namespace roberta {
namespace {

enum Column : size_t { kFirst, kSecond, kLabel };

std::unique_ptr<Table> open(const InputText& input, const TextColumns& columns, bool labelled) {
  const TableFormat format{.separator = columns.separator,
                           .quotes = columns.quotes,
                           .header = columns.header,
                           .drop_broken = columns.drop_broken};
  const bool needs_second = !columns.second.empty() && !columns.second_optional;
  const bool needs_label = !columns.label.empty() && labelled;
  return open_table(
      input, format,
      {{.names = columns.first, .role = "the text"},
       {.names = columns.second, .role = "the second text", .required = needs_second},
       {.names = columns.label, .role = "the label", .required = needs_label, .sparse = !labelled}});
}

}  // namespace

TextRows::TextRows(const InputText& input, const TextColumns& columns, bool labelled)
    : table_(open(input, columns, labelled)) {}

const std::string& TextRows::label_column() const { return table_->name(kLabel); }
bool TextRows::pairs() const { return !table_->name(kSecond).empty(); }

bool TextRows::next(TextRow& row) {
  if (!table_->next(values_)) return false;
  row.line = table_->line();
  row.first = text(kFirst);
  if (pairs()) row.second = text(kSecond);
  row.labels.clear();
  const Json& value = values_[kLabel];
  row.is_list = value.is_array();
  if (row.is_list) {
    for (const Json& item : value) row.labels.push_back(label(item));
  } else if (!value.is_null()) {
    row.labels.push_back(label(value));
  }
  return true;
}

std::string TextRows::text(size_t column) {
  if (!values_[column].is_string())
    fail(ErrorCode::kInput, "[data] ", location(), ": column '", table_->name(column),
         "': expected a text, got ", values_[column].type_name());
  return std::move(values_[column].get_ref<std::string&>());
}

std::string TextRows::label(const Json& value) const {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_primitive() || value.is_null())
    fail(ErrorCode::kInput, "[data] ", location(), ": column '", label_column(),
         "': expected a text or a number as label, got ", value.type_name());
  return value.dump();
}

}  // namespace roberta
