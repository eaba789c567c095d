#pragma once
// From logits to ranked answers.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

/// Softmax over the whole row, then the k most probable, best first; ties by lower token id. k is cut to the
/// row's size.
std::vector<TokenCandidate> top_candidates(std::span<const float> logits, int64_t k);

/// Of the highest logit; ties by lower label.
int32_t best_label(std::span<const float> logits);

/// log of the sum of exponentials, in double.
double log_sum_exp(std::span<const float> logits);

/// Logits to probabilities, in place.
void softmax(std::span<float> row);
float sigmoid(float x);

}  // namespace roberta
