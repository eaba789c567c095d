#include "tasks/decoding/probabilities.h"

#include <algorithm>
#include <cmath>

#include "core/largest.h"

namespace roberta {

double log_sum_exp(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum);
}

int32_t best_label(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<TokenCandidate> candidates_of(std::span<const int32_t> tokens, std::span<const float> logits,
                                          double exp_sum) {
  std::vector<TokenCandidate> out;
  out.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const double below = static_cast<double>(logits[i]) - static_cast<double>(logits.front());
    out.push_back({tokens[i], static_cast<float>(std::exp(below) / exp_sum)});
  }
  return out;
}

std::vector<TokenCandidate> top_candidates(std::span<const float> logits, int64_t k) {
  const auto count = static_cast<size_t>(std::clamp<int64_t>(k, 0, static_cast<int64_t>(logits.size())));
  if (count == 0) return {};
  std::vector<int32_t> tokens(count);
  std::vector<float> best(count);
  const double exp_sum = largest(logits, tokens, best);
  return candidates_of(tokens, best, exp_sum);
}

void softmax(std::span<float> row) {
  if (row.empty()) return;
  const double norm = log_sum_exp(row);
  for (float& x : row) x = static_cast<float>(std::exp(static_cast<double>(x) - norm));
}

float sigmoid(float x) { return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x)))); }

}  // namespace roberta
