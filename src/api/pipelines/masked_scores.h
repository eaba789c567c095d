#pragma once
// Log-probabilities of tokens, masked one by one: for `score`, BLiMP and CrowS-Pairs.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct MaskedText {
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;  ///< the tokens to score
};

/// answers[text][i] = log P(token at positions[i] | all others). Equal masked copies run once, for example
/// those of two sentences that differ only in the masked token.
std::vector<std::vector<float>> masked_log_probs(Model& model, std::span<const MaskedText> texts);

/// Tokens that the template did not add: not <s> and </s>.
std::vector<int32_t> own_tokens(const Encoding& encoding);

}  // namespace roberta
