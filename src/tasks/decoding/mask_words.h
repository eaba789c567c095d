#pragma once
// Whole words at a mask: which tokens a word would have there, and a text with them inserted.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

/// The tokens of the word at that position: with the space that <mask> has taken, or that is before
/// it. `offset`: the mask's, in code points of the text.
std::vector<int32_t> word_tokens(const Tokenizer& tokenizer, std::string_view text, Offset offset,
                                 const std::string& word);

/// ids with the token at `position` replaced by `tokens`.
std::vector<int32_t> filled(const std::vector<int32_t>& ids, int32_t position,
                            std::span<const int32_t> tokens);

}  // namespace roberta
