#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace roberta {
namespace {

/// fairseq's PolynomialDecayLRSchedule: the rate is set after each update for the next one.
double fairseq(double lr, int64_t warmup, int64_t total, double power, double end, int64_t step) {
  const int64_t updates = step - 1;
  if (updates == 0) return warmup > 0 ? lr / static_cast<double>(warmup) : lr;
  if (warmup > 0 && updates <= warmup) return lr * static_cast<double>(updates) / static_cast<double>(warmup);
  if (updates >= total) return end;
  const double left = 1 - static_cast<double>(updates - warmup) / static_cast<double>(total - warmup);
  return (lr - end) * std::pow(left, power) + end;
}

TEST(Schedule, PolynomialIsThatOfFairseq) {
  for (double power : {1.0, 2.0}) {
    for (int64_t warmup : {0, 1, 24}) {
      const ScheduleOptions options{
          .peak = 4e-4, .end = 1e-6, .warmup_steps = warmup, .total_steps = 100, .power = power};
      for (int64_t step = 1; step <= 102; ++step)
        EXPECT_NEAR(learning_rate(options, step), fairseq(4e-4, warmup, 100, power, 1e-6, step), 1e-18)
            << step;
    }
  }
}

TEST(Schedule, CosineAndConstant) {
  ScheduleOptions options{.peak = 1, .end = 0.1, .warmup_steps = 10, .total_steps = 110};
  options.decay = Decay::kCosine;
  EXPECT_DOUBLE_EQ(learning_rate(options, 11), 1);
  EXPECT_NEAR(learning_rate(options, 61), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(options, 36), 0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(options, 111), 0.1);
  options.decay = Decay::kConstant;
  EXPECT_DOUBLE_EQ(learning_rate(options, 6), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1000), 1);
}

}  // namespace
}  // namespace roberta
