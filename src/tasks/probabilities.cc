#include "tasks/probabilities.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

std::vector<TokenCandidate> top_candidates(std::span<const float> logits, int64_t k) {
  k = std::clamp<int64_t>(k, 0, static_cast<int64_t>(logits.size()));
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + k, order.end(), better);
  const double norm = log_sum_exp(logits);
  std::vector<TokenCandidate> out;
  for (int64_t i = 0; i < k; ++i) {
    const int32_t token = order[static_cast<size_t>(i)];
    out.push_back({token, static_cast<float>(
                              std::exp(static_cast<double>(logits[static_cast<size_t>(token)]) - norm))});
  }
  return out;
}

void softmax(std::span<float> row) {
  if (row.empty()) return;
  const double norm = log_sum_exp(row);
  for (float& x : row) x = static_cast<float>(std::exp(static_cast<double>(x) - norm));
}

float sigmoid(float x) { return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x)))); }

}  // namespace roberta
