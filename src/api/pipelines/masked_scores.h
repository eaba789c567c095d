#pragma once
// Log-probabilities of single tokens, each masked alone: beneath `score`, BLiMP and CrowS-Pairs.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct MaskedText {
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;  ///< the tokens that are asked for
};

/// answers[text][i] = log P(token at positions[i] | all others). Copies that are equal though they come from
/// two texts (two sentences that differ in one token, with that one masked) run once.
std::vector<std::vector<float>> masked_log_probs(Model& model, std::span<const MaskedText> texts);

/// Tokens that the template did not add: <s> and </s> are never asked for.
std::vector<int32_t> own_tokens(const Encoding& encoding);

}  // namespace roberta
