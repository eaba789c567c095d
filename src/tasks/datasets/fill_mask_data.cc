#include "tasks/datasets/fill_mask_data.h"

#include <array>

#include "core/error.h"
#include "tasks/readers/named_rows.h"

namespace roberta {
namespace {

std::string stripped(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (size_t begin = 0;;) {
    const size_t end = text.find(',', begin);
    words.push_back(stripped(text.substr(begin, end - begin)));
    if (end == std::string::npos) return words;
    begin = end + 1;
  }
}

/// What pandas writes of a list into a CSV field; as one word it would never be right.
bool is_printed_list(const std::string& text) { return text.starts_with("['") && text.ends_with("']"); }

std::vector<std::string> words_of(const Json& label, size_t masks, const std::string& place,
                                  const std::string& column) {
  if (label.is_string()) {
    const std::string text = stripped(label.get<std::string>());
    if (is_printed_list(text)) {
      fail(ErrorCode::kInput, "[fill-mask] ", place, ": '", column,
           "' holds a printed list; write its words separated by commas, or use JSON lines with a list");
    }
    return masks == 1 ? std::vector{text} : split(text);
  }
  std::vector<std::string> words;
  if (label.is_array()) {
    for (const Json& word : label) {
      if (!word.is_string()) break;
      words.push_back(stripped(word.get<std::string>()));
    }
    if (words.size() == label.size()) return words;
  }
  fail(ErrorCode::kInput, "[fill-mask] ", place, ": '", column, "' must be a text or a list of texts");
}

}  // namespace

std::vector<FillMaskExample> read_fill_mask(const std::filesystem::path& file, const std::string& text_column,
                                            const std::string& label_column, const std::string& mask,
                                            int64_t limit) {
  std::vector<FillMaskExample> out;
  const std::array columns = {text_column, label_column};
  for_each_named_row(file, columns, [&](const std::vector<Json>& row, const std::string& place) {
    if (!row[0].is_string())
      fail(ErrorCode::kInput, "[fill-mask] ", place, ": '", text_column, "' holds no text");
    FillMaskExample example{row[0].get<std::string>(), {}, place};
    const size_t masks = count_of(example.text, mask);
    if (masks == 0) {
      fail(ErrorCode::kInput, "[fill-mask] ", place, ": the text has no ", mask, ", the mask of this model");
    }
    example.words = words_of(row[1], masks, place, label_column);
    if (example.words.size() > masks) {
      fail(ErrorCode::kInput, "[fill-mask] ", place, ": ", example.words.size(), " words for ", masks,
           " masks");
    }
    out.push_back(std::move(example));
    return limit == 0 || static_cast<int64_t>(out.size()) < limit;
  });
  if (out.empty()) fail(ErrorCode::kInput, "[fill-mask] ", file.string(), ": no rows");
  return out;
}

}  // namespace roberta
