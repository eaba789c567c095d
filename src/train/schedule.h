#pragma once
// The learning rate as a function of the step.

#include <cstdint>

namespace roberta {

enum class Decay : uint8_t { kPolynomial, kCosine, kConstant };

struct ScheduleOptions {
  double peak = 6e-4;  ///< learning rate at the end of the warmup
  double end = 0;      ///< and after total_steps
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;
  Decay decay = Decay::kPolynomial;
  double power = 1;  ///< of the polynomial; 1: linear
};

/// The learning rate of a step, the first being 1. With n = step - 1 steps done it is, as in fairseq,
///   n <= warmup:  peak * max(n, 1) / warmup
///   later:        (peak - end) * (1 - (n - warmup) / (total - warmup))^power + end
/// A cosine goes from peak to end by (1 + cos(pi x)) / 2 over the same x.
double learning_rate(const ScheduleOptions& options, int64_t step);

}  // namespace roberta
