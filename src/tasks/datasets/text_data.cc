#include "tasks/datasets/text_data.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "tasks/datasets/label_names.h"
#include "tasks/readers/text_rows.h"

namespace roberta {
namespace {

class Reader {
 public:
  Reader(const InputText& input, const TextDataOptions& options)
      : options_(options),
        rows_(input, options.columns, options.labelled),
        names_(options.kind == LabelKind::kValue ? std::vector<std::string>() : options.labels) {
    data_.file = input.file;
    data_.kind = options.kind;
    data_.pairs = rows_.pairs();
  }

  TextData read() && {
    const bool reads_all = options_.kind != LabelKind::kValue && names_.collects();
    for (TextRow row; (!is_full() || reads_all) && rows_.next(row);) {
      TextExample example;
      label(row, example);
      if (is_full()) continue;
      example.first = std::move(row.first);
      example.second = std::move(row.second);
      example.line = row.line;
      data_.examples.push_back(std::move(example));
    }
    data_.skipped = rows_.skipped();
    if (data_.examples.empty())
      fail(ErrorCode::kInput, "[data] ", rows_.location(), ": no rows after the header");
    finish_labels();
    return std::move(data_);
  }

 private:
  bool is_full() const {
    return options_.limit > 0 && static_cast<int64_t>(data_.examples.size()) >= options_.limit;
  }

  [[noreturn]] void reject(const std::string& why) const {
    fail(ErrorCode::kInput, "[data] ", rows_.location(), ": column '", printable(rows_.label_column(), 60),
         "': ", why);
  }

  void label(TextRow& row, TextExample& example) {
    if (options_.kind == LabelKind::kSet) return label_set(row, example);
    if (row.is_list)
      reject("expected one label, got an array (finetune --problem multi-label takes several)");
    const std::string_view text = row.labels.empty() ? std::string_view() : trimmed(row.labels[0]);
    if (text.empty()) {
      if (options_.labelled && !options_.columns.label.empty()) reject("the label is missing");
    } else if (options_.kind == LabelKind::kValue) {
      const std::optional<double> value = number_of(text);
      if (!value) reject("'" + printable(text, 60) + "' is not a number");
      example.value = static_cast<float>(*value * options_.columns.scale);
    } else {
      example.label = index_of(text);
    }
  }

  void label_set(const TextRow& row, TextExample& example) {
    if (row.labels.empty() && !row.is_list && options_.labelled && !options_.columns.label.empty())
      reject("the labels are missing");
    const auto add = [&](std::string_view name) {
      if (name.empty()) return;
      if (const int32_t index = index_of(name); index >= 0) example.label_set.push_back(index);
    };
    if (row.is_list) {
      for (const std::string& name : row.labels) add(trimmed(name));
    } else if (!row.labels.empty()) {
      std::string_view rest = row.labels[0];
      const std::string& separator = options_.set_separator;
      while (!rest.empty()) {
        const size_t end = separator.empty() ? std::string_view::npos : rest.find(separator);
        add(trimmed(rest.substr(0, end)));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + separator.size());
      }
    }
    sort_set(example);
  }

  static void sort_set(TextExample& example) {
    std::vector<int32_t>& set = example.label_set;
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
  }

  int32_t index_of(std::string_view name) {
    // Hugging Face's test sets have -1 where the label is unknown.
    if (!options_.labelled && name == "-1" && !names_.has(name)) return -1;
    if (const std::optional<int32_t> index = names_.index(name)) return *index;
    if (options_.columns.numbered_labels) {
      const double number = number_of(name).value_or(-1);
      for (size_t i = 0; i < options_.labels.size(); ++i) {
        if (number == static_cast<double>(i)) return static_cast<int32_t>(i);
      }
    }
    reject("unknown label '" + printable(name, 60) + "'; " + names_.hint(name));
  }

  void finish_labels() {
    if (options_.kind == LabelKind::kValue) return;
    std::vector<int32_t> order;
    data_.labels = std::move(names_).finish(order);
    for (TextExample& example : data_.examples) {
      if (example.label >= 0) example.label = order[static_cast<size_t>(example.label)];
      for (int32_t& index : example.label_set) index = order[static_cast<size_t>(index)];
      sort_set(example);
    }
  }

  const TextDataOptions& options_;
  TextRows rows_;
  LabelNames names_;
  TextData data_;
};

}  // namespace

TextData parse_text_data(const std::filesystem::path& file, std::string bytes,
                         const TextDataOptions& options) {
  return Reader(input_text(file, std::move(bytes)), options).read();
}

TextData read_text_data(const std::filesystem::path& file, const TextDataOptions& options) {
  return parse_text_data(file, read_input_file(file), options);
}

}  // namespace roberta
