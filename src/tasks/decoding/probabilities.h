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

/// The same from the k largest logits, largest first, and the sum over the row of e^(x - its largest).
std::vector<TokenCandidate> candidates_of(std::span<const int32_t> tokens, std::span<const float> logits,
                                          double exp_sum);

/// Of the highest logit; ties by lower label.
int32_t best_label(std::span<const float> logits);

/// log of the sum of exponentials, in double.
double log_sum_exp(std::span<const float> logits);

/// Logits to probabilities, in place.
void softmax(std::span<float> row);
float sigmoid(float x);

}  // namespace roberta
