// Candidates of a row, against sorting all of it and exponentials in double.
#include "tasks/decoding/probabilities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace roberta {
namespace {

std::vector<TokenCandidate> expected(std::span<const float> logits, size_t k) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  order.resize(std::min(k, order.size()));
  const double norm = log_sum_exp(logits);
  std::vector<TokenCandidate> out;
  for (int32_t token : order) {
    out.push_back({token, static_cast<float>(std::exp(double{logits[static_cast<size_t>(token)]} - norm))});
  }
  return out;
}

void expect_same(std::span<const float> logits, size_t k) {
  const std::vector<TokenCandidate> got = top_candidates(logits, static_cast<int64_t>(k)),
                                    want = expected(logits, k);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].token, want[i].token) << i << " of " << k << " among " << logits.size();
    EXPECT_NEAR(got[i].probability, want[i].probability, 4e-7 * want[i].probability) << i;
  }
}

TEST(TopCandidates, EqualAFullSort) {
  std::mt19937 random(3);
  for (size_t size : {1u, 5u, 63u, 64u, 65u, 293u, 8192u, 50265u}) {
    for (float spread : {0.01f, 1.0f, 5.0f, 60.0f}) {
      std::normal_distribution<float> normal(3, spread);
      std::vector<float> logits(size);
      for (float& x : logits) x = normal(random);
      for (size_t k : {size_t{1}, size_t{2}, size_t{5}, size_t{100}, size}) expect_same(logits, k);
    }
  }
}

TEST(TopCandidates, OfEqualsTheLowerIdComesFirst) {
  std::vector<float> logits(20000, 0.5f);
  expect_same(logits, 5);
  for (size_t i : {19999u, 7000u, 64u, 63u, 12345u}) logits[i] = 2;
  expect_same(logits, 3);
  expect_same(logits, 8);
}

TEST(TopCandidates, BestAtTheEndsAndInOrder) {
  std::vector<float> logits(50265);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i) / 1000;
  expect_same(logits, 7);
  std::reverse(logits.begin(), logits.end());
  expect_same(logits, 7);
}

TEST(TopCandidates, ExtremeLogits) {
  std::vector<float> logits(1000, -std::numeric_limits<float>::infinity());
  logits[500] = 3e38f;
  logits[501] = -3e38f;
  const std::vector<TokenCandidate> got = top_candidates(logits, 2);
  EXPECT_EQ(got[0].token, 500);
  EXPECT_EQ(got[0].probability, 1);
  EXPECT_EQ(got[1].token, 501);
  EXPECT_EQ(got[1].probability, 0);
  std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(top_candidates(logits, 3).size(), 3u);
  EXPECT_EQ(top_candidates(logits, 0).size(), 0u);
  EXPECT_EQ(top_candidates({}, 5).size(), 0u);
}

}  // namespace
}  // namespace roberta
