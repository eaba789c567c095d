#include "tasks/datasets/fill_mask_data.h"

#include "core/error.h"
#include "core/strings.h"
#include "tasks/readers/table.h"

namespace roberta {
namespace {

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

/// What pandas writes of a list into a CSV field; as one word it would never be right.
bool is_printed_list(const std::string& text) { return text.starts_with("['") && text.ends_with("']"); }

std::vector<std::string> words_of(const Json& label, size_t masks, const std::string& location,
                                  const std::string& column) {
  if (label.is_string()) {
    const std::string text(trimmed(label.get_ref<const std::string&>()));
    if (is_printed_list(text)) {
      fail(ErrorCode::kInput, "[fill-mask] ", location, ": '", column,
           "' holds a Python list as text; separate its words by commas, or use JSON lines with a list");
    }
    std::vector<std::string> words = masks == 1 ? std::vector{text} : split(text, ',');
    for (std::string& word : words) word = trimmed(word);
    return words;
  }
  std::vector<std::string> words;
  if (label.is_array()) {
    for (const Json& word : label) {
      if (!word.is_string()) break;
      words.emplace_back(trimmed(word.get_ref<const std::string&>()));
    }
    if (words.size() == label.size()) return words;
  }
  fail(ErrorCode::kInput, "[fill-mask] ", location, ": '", column, "': expected a text or a list of texts");
}

}  // namespace

std::vector<FillMaskExample> read_fill_mask(const std::filesystem::path& file, const std::string& text_column,
                                            const std::string& label_column, const std::string& mask,
                                            int64_t limit) {
  std::vector<FillMaskExample> out;
  const InputText input = input_text(file, read_input_file(file));
  const auto rows = open_table(input, {.guess = false, .quotes = Quotes::kAll},
                               {{.names = {text_column}}, {.names = {label_column}}});
  std::vector<Json> row;
  while ((limit == 0 || static_cast<int64_t>(out.size()) < limit) && rows->next(row)) {
    const std::string location = rows->location();
    if (!row[0].is_string())
      fail(ErrorCode::kInput, "[fill-mask] ", location, ": '", text_column, "' has no text");
    FillMaskExample example{row[0].get<std::string>(), {}, location};
    const size_t masks = count_of(example.text, mask);
    if (masks == 0) {
      fail(ErrorCode::kInput, "[fill-mask] ", location, ": the text has no ", mask,
           ", the mask token of this model");
    }
    example.words = words_of(row[1], masks, location, label_column);
    if (example.words.size() > masks) {
      fail(ErrorCode::kInput, "[fill-mask] ", location, ": ", example.words.size(), " words for ", masks,
           " masks");
    }
    out.push_back(std::move(example));
  }
  if (out.empty()) fail(ErrorCode::kInput, "[fill-mask] ", file.string(), ": no rows");
  return out;
}

}  // namespace roberta
