#include "tasks/readers/token_rows.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "tasks/readers/table.h"

namespace roberta {
namespace {

class ConllRows final : public TokenRows {
 public:
  ConllRows(const InputText& input, const TokenDataOptions& options) : input_(input), options_(options) {
    if (options.word_column < 1 || options.tag_column < 0)
      fail(ErrorCode::kUsage, "[data] columns of words and tags are numbered from 1");
  }

  bool next(TokenRow& row) override {
    row = {};
    const std::string_view text = input_.text;
    while (at_ < text.size()) {
      const size_t end = std::min(text.find('\n', at_), text.size());
      const std::string_view line = text.substr(at_, end - at_);
      at_ = end + 1;
      ++line_;
      split(line);
      if (fields_.empty() || fields_[0] == "-DOCSTART-") {
        if (!row.words.empty()) return true;
      } else {
        add(row);
      }
    }
    return !row.words.empty();
  }

 private:
  /// At tabs where there are any, else at blanks.
  void split(std::string_view line) {
    fields_.clear();
    const bool tabs = line.find('\t') != std::string_view::npos;
    line = trimmed_end(line);
    while (!line.empty()) {
      const size_t end = std::min(line.find(tabs ? '\t' : ' '), line.size());
      const std::string_view field = trimmed(line.substr(0, end));
      if (tabs || !field.empty()) fields_.push_back(field);
      line.remove_prefix(std::min(end + 1, line.size()));
    }
  }

  void add(TokenRow& row) {
    const auto word = static_cast<size_t>(options_.word_column);
    const size_t tag = !options_.labelled        ? 0
                       : options_.tag_column > 0 ? static_cast<size_t>(options_.tag_column)
                                                 : std::max<size_t>(fields_.size(), 2);
    if (const size_t needed = std::max(word, tag); fields_.size() < needed) {
      reject(concat("has ", fields_.size(), fields_.size() == 1 ? " column, " : " columns, ", "expected ",
                    needed, options_.labelled ? ": a word and its tag, with a tab or blanks between" : ""));
    }
    if (fields_[word - 1].empty()) reject("the word is empty");
    row.words.emplace_back(fields_[word - 1]);
    row.lines.push_back(line_);
    if (options_.labelled) row.tags.emplace_back(fields_[tag - 1]);
  }

  [[noreturn]] void reject(const std::string& why) const {
    fail(ErrorCode::kInput, "[data] ", input_.name, ":", line_, ": ", why);
  }

  const InputText& input_;
  const TokenDataOptions& options_;
  std::vector<std::string_view> fields_;
  size_t at_ = 0;
  int64_t line_ = 0;
};

class JsonTokenRows final : public TokenRows {
 public:
  JsonTokenRows(const InputText& input, const TokenDataOptions& options)
      : table_(open_json_table(input, columns(options))), options_(options) {}

  bool next(TokenRow& row) override {
    do {
      row = {};
      if (!table_->next(values_)) return false;
      words(row);
      if (options_.labelled) tags(row);
    } while (row.words.empty());
    row.lines.assign(row.words.size(), table_->line());
    return true;
  }

 private:
  enum Column : size_t { kWords, kTags };

  static std::vector<WantedColumn> columns(const TokenDataOptions& options) {
    std::vector<WantedColumn> wanted = {{.names = {options.text_column}, .role = "the words"}};
    if (options.labelled) wanted.push_back({.names = {options.label_column}, .role = "the tags"});
    return wanted;
  }

  template <class... Why>
  [[noreturn]] void reject(Column column, const Why&... why) const {
    fail(ErrorCode::kInput, "[data] ", table_->location(), ": column '", table_->name(column), "'", why...);
  }

  const Json& array(Column column) const {
    if (!values_[column].is_array()) reject(column, ": expected an array, got ", values_[column].type_name());
    return values_[column];
  }

  void words(TokenRow& row) const {
    for (const Json& word : array(kWords)) {
      if (!word.is_string())
        reject(kWords, ", item ", row.words.size() + 1, ": expected a text, got ", word.type_name());
      row.words.push_back(word.get<std::string>());
      if (row.words.back().empty()) reject(kWords, ", item ", row.words.size(), " is empty");
    }
  }

  void tags(TokenRow& row) const {
    const Json& tags = array(kTags);
    if (tags.size() != row.words.size())
      reject(kTags, " has ", tags.size(), " tags, column '", table_->name(kWords), "' has ", row.words.size(),
             " words");
    for (const Json& tag : tags) row.tags.push_back(name_of(tag));
  }

  std::string name_of(const Json& tag) const {
    if (tag.is_string()) return tag.get<std::string>();
    const std::string what = ": tag " + printable(tag.dump(), 40);
    if (!tag.is_number_integer()) reject(kTags, what, " is neither a text nor a whole number");
    if (options_.labels.empty()) reject(kTags, what, " is a number; give the names of the labels, in order");
    // As unsigned a negative one is too large.
    const auto index = tag.get<uint64_t>();
    if (index >= options_.labels.size())
      reject(kTags, what, " is out of range: there are ", options_.labels.size(), " labels");
    return options_.labels[index];
  }

  std::unique_ptr<Table> table_;
  const TokenDataOptions& options_;
  std::vector<Json> values_;
};

bool is_json(const InputText& input) {
  const InputFormat format = input_format(input.file);
  if (format != InputFormat::kUnknown) return format == InputFormat::kJson;
  const std::string_view text = trimmed(input.text);
  return text.starts_with("{\"") || text.starts_with("[{\"");
}

}  // namespace

std::unique_ptr<TokenRows> open_token_rows(const InputText& input, const TokenDataOptions& options) {
  if (is_json(input)) return std::make_unique<JsonTokenRows>(input, options);
  return std::make_unique<ConllRows>(input, options);
}

}  // namespace roberta
