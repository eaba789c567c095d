#include "tasks/readers/token_rows.h"

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "io/json/json_scanner.h"
#include "tasks/datasets/label_names.h"
#include "tasks/readers/json_rows.h"

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
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);  // npos + 1 == 0
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
      refuse(concat("has ", fields_.size(), fields_.size() == 1 ? " column, " : " columns, ", needed,
                    " are wanted",
                    options_.labelled ? ": a word and its tag, with a tab or blanks between" : ""));
    }
    if (fields_[word - 1].empty()) refuse("the word is empty");
    row.words.emplace_back(fields_[word - 1]);
    row.lines.push_back(line_);
    if (options_.labelled) row.tags.emplace_back(fields_[tag - 1]);
  }

  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::kInput, "[data] ", input_.name, ":", line_, ": ", why);
  }

  const InputText& input_;
  const TokenDataOptions& options_;
  std::vector<std::string_view> fields_;
  size_t at_ = 0;
  int64_t line_ = 0;
};

class ObjectRows final : public TokenRows {
 public:
  ObjectRows(const InputText& input, const TokenDataOptions& options) : rows_(input), options_(options) {}

  bool next(TokenRow& row) override {
    do {
      row = {};
      if (!rows_.next(object_)) return false;
      words(row);
      if (options_.labelled) tags(row);
    } while (row.words.empty());
    row.lines.assign(row.words.size(), rows_.line());
    return true;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::kInput, "[data] ", rows_.place(), ": ", why);
  }

  const Json& array(const std::string& name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) {
      std::vector<std::string> names;
      for (const auto& member : object_.items()) names.push_back(member.key());
      refuse("no column '" + name + "'; there are " + quoted_names(names) + did_you_mean(name, names));
    }
    if (!found->is_array()) refuse("column '" + name + "' must be an array, is " + found->type_name());
    return *found;
  }

  void words(TokenRow& row) const {
    for (const Json& word : array(options_.text_column)) {
      if (!word.is_string())
        refuse(concat("column '", options_.text_column, "', item ", row.words.size() + 1,
                      " must be a text, is ", word.type_name()));
      row.words.push_back(word.get<std::string>());
      if (row.words.back().empty())
        refuse(concat("column '", options_.text_column, "', item ", row.words.size(), " is empty"));
    }
  }

  void tags(TokenRow& row) const {
    const Json& tags = array(options_.label_column);
    if (tags.size() != row.words.size())
      refuse(concat("column '", options_.text_column, "' has ", row.words.size(), " words, column '",
                    options_.label_column, "' ", tags.size(), " tags"));
    for (const Json& tag : tags) row.tags.push_back(name_of(tag));
  }

  std::string name_of(const Json& tag) const {
    if (tag.is_string()) return tag.get<std::string>();
    const std::string what = "column '" + options_.label_column + "': tag " + printable(tag.dump(), 40);
    if (!tag.is_number_integer()) refuse(what + " is neither a text nor a whole number");
    if (options_.labels.empty()) refuse(what + " is a number; give the names of the labels, in order");
    // As unsigned a negative one is too large.
    const auto index = tag.get<uint64_t>();
    if (index >= options_.labels.size())
      refuse(what + concat(" is beyond the ", options_.labels.size(), " labels"));
    return options_.labels[index];
  }

  JsonRows rows_;
  const TokenDataOptions& options_;
  Json object_;
};

bool is_json(const InputText& input) {
  const InputFormat format = input_format(input.file);
  if (format != InputFormat::kUnknown) return format == InputFormat::kJson;
  const std::string_view text = trimmed(input.text);
  return text.starts_with("{\"") || text.starts_with("[{\"");
}

}  // namespace

std::unique_ptr<TokenRows> open_token_rows(const InputText& input, const TokenDataOptions& options) {
  if (is_json(input)) return std::make_unique<ObjectRows>(input, options);
  return std::make_unique<ConllRows>(input, options);
}

}  // namespace roberta
