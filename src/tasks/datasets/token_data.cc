#include "tasks/datasets/token_data.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "tasks/datasets/label_names.h"
#include "tasks/decoding/tags.h"
#include "tasks/readers/input_text.h"
#include "tasks/readers/token_rows.h"

namespace roberta {
namespace {

class Reader {
 public:
  Reader(const InputText& input, const TokenDataOptions& options)
      : input_(input),
        options_(options),
        scheme_(tag_scheme(options.scheme)),
        rows_(open_token_rows(input, options)),
        names_(options.labels) {
    data_.file = input.file;
  }

  TokenData read() && {
    const bool reads_all = options_.labelled && names_.collects();
    for (TokenRow row; (!is_full() || reads_all) && rows_->next(row);) {
      TaggedSentence sentence;
      sentence.tags = tags(row);
      if (is_full()) continue;
      sentence.line = row.lines[0];
      sentence.words = std::move(row.words);
      data_.sentences.push_back(std::move(sentence));
    }
    if (data_.sentences.empty())
      fail(ErrorCode::kInput, "[data] ", input_.name, ": ",
           trimmed(input_.text).empty() ? "the file is empty" : "no sentences");
    finish_labels();
    return std::move(data_);
  }

 private:
  bool is_full() const {
    return options_.limit > 0 && static_cast<int64_t>(data_.sentences.size()) >= options_.limit;
  }

  [[noreturn]] void reject(int64_t line, const std::string& why) const {
    fail(ErrorCode::kInput, "[data] ", input_.name, ":", line, ": ", why);
  }

  std::vector<int32_t> tags(TokenRow& row) {
    int64_t converted = 0;
    if (const std::optional<TagMistake> mistake = to_iob2(row.tags, scheme_, converted))
      reject(row.lines[mistake->word],
             "word '" + printable(row.words[mistake->word], 60) + "': " + mistake->why);
    if (!is_full()) data_.converted += converted;
    std::vector<int32_t> indices;
    for (size_t i = 0; i < row.tags.size(); ++i) {
      const std::optional<int32_t> index = names_.index(row.tags[i]);
      if (!index)
        reject(row.lines[i], "unknown tag '" + printable(row.tags[i], 60) + "'; " + names_.hint(row.tags[i]));
      indices.push_back(*index);
    }
    return indices;
  }

  void finish_labels() {
    const bool collected = names_.collects();
    std::vector<int32_t> order;
    std::vector<std::string> names = std::move(names_).finish(order);
    if (!collected || !options_.labelled) {
      data_.labels = std::move(names);
      return;
    }
    data_.labels = labels_of_tags(names, scheme_);
    for (int32_t& index : order) {
      const auto found =
          std::find(data_.labels.begin(), data_.labels.end(), names[static_cast<size_t>(index)]);
      index = static_cast<int32_t>(found - data_.labels.begin());
    }
    for (TaggedSentence& sentence : data_.sentences) {
      for (int32_t& tag : sentence.tags) tag = order[static_cast<size_t>(tag)];
    }
  }

  const InputText& input_;
  const TokenDataOptions& options_;
  const TagScheme scheme_;
  const std::unique_ptr<TokenRows> rows_;
  LabelNames names_;
  TokenData data_;
};

}  // namespace

TokenData parse_token_data(const std::filesystem::path& file, std::string bytes,
                           const TokenDataOptions& options) {
  return Reader(input_text(file, std::move(bytes)), options).read();
}

TokenData read_token_data(const std::filesystem::path& file, const TokenDataOptions& options) {
  return parse_token_data(file, read_input_file(file), options);
}

}  // namespace roberta
