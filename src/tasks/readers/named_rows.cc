#include "tasks/readers/named_rows.h"

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "tasks/datasets/label_names.h"
#include "tasks/readers/delimited_text.h"
#include "tasks/readers/json_rows.h"

namespace roberta {
namespace {

[[noreturn]] void no_column(const std::string& place, const std::string& column,
                            const std::vector<std::string>& names) {
  fail(ErrorCode::kInput, "[data] ", place, ": no column '", column, "'", did_you_mean(column, names),
       "; there are ", quoted_names(names));
}

void read_json(const InputText& input, std::span<const std::string> columns, const NamedRowVisitor& visit) {
  JsonRows rows(input);
  std::vector<Json> values;
  for (Json row; rows.next(row);) {
    values.clear();
    for (const std::string& column : columns) {
      if (!row.contains(column)) {
        std::vector<std::string> names;
        for (const auto& [name, value] : row.items()) names.push_back(name);
        no_column(rows.place(), column, names);
      }
      values.push_back(std::move(row[column]));
    }
    if (!visit(values, rows.place())) return;
  }
}

void read_delimited(const InputText& input, char separator, std::span<const std::string> columns,
                    const NamedRowVisitor& visit) {
  DelimitedText rows(input, separator, true);
  std::vector<std::string> names, fields;
  if (!rows.next(names)) return;
  std::vector<size_t> at;
  for (const std::string& column : columns) {
    const auto found = std::find(names.begin(), names.end(), column);
    if (found == names.end()) no_column(rows.place(), column, names);
    at.push_back(static_cast<size_t>(found - names.begin()));
  }
  std::vector<Json> values(columns.size());
  while (rows.next(fields)) {
    if (fields.size() != names.size()) {
      fail(ErrorCode::kInput, "[data] ", rows.place(), ": ", fields.size(), " columns; the header names ",
           names.size());
    }
    for (size_t i = 0; i < at.size(); ++i) values[i] = std::move(fields[at[i]]);
    if (!visit(values, rows.place())) return;
  }
}

}  // namespace

void for_each_named_row(const std::filesystem::path& file, std::span<const std::string> columns,
                        const NamedRowVisitor& visit) {
  const InputText input = input_text(file, read_input_file(file));
  switch (input_format(file)) {
    case InputFormat::kJson:
      return read_json(input, columns, visit);
    case InputFormat::kTabs:
      return read_delimited(input, '\t', columns, visit);
    case InputFormat::kCommas:
      return read_delimited(input, ',', columns, visit);
    case InputFormat::kUnknown:
      break;
  }
  fail(ErrorCode::kInput, "[data] ", file.string(),
       ": a name that ends in .jsonl, .json, .csv or .tsv (or .gz, .zst of these) says how it is to be read");
}

}  // namespace roberta
