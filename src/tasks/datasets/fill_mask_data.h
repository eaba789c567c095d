#pragma once
// Texts with masks and the original words.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace roberta {

struct FillMaskExample {
  std::string text;
  std::vector<std::string> words;  ///< of the first masks, in order; an empty one is not evaluated
  std::string location;            ///< "FILE:LINE"
};

/// `mask` is the tokenizer's mask token. Error(kInput) names file, line and column: a text without a mask,
/// more words than masks, a label that is neither text nor a list of texts.
std::vector<FillMaskExample> read_fill_mask(const std::filesystem::path& file, const std::string& text_column,
                                            const std::string& label_column, const std::string& mask,
                                            int64_t limit);

}  // namespace roberta
