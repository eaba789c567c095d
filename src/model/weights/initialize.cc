#include "model/weights/initialize.h"

#include <cmath>

namespace roberta {
namespace {

// std::exp and std::sin differ between C libraries; these use exact operations in a fixed order.

/// To about 1e-15.
double exact_exp(double x) {
  const double n = std::floor(x / 0.69314718055994531 + 0.5), r = x - n * 0.69314718055994531;
  double sum = 1;
  for (int k = 16; k >= 1; --k) sum = 1 + sum * r / k;
  return std::ldexp(sum, static_cast<int>(n));
}

/// To about 1e-13 for x up to a thousand.
double exact_sin(double x) {
  constexpr double kTurn = 6.2831853071795865;
  const double r = x - kTurn * std::floor(x / kTurn + 0.5);
  double sum = 1;
  for (int k = 28; k >= 2; k -= 2) sum = 1 - sum * r * r / (k * (k + 1));
  return r * sum;
}

}  // namespace

InitialValues::InitialValues(const TensorSpec& spec, uint64_t number, const RobertaConfig& config,
                             uint64_t seed)
    : random_(seed),
      number_(number),
      deviation_(config.initializer_range),
      constant_(spec.shape.size() == 1),
      value_(constant_ && spec.name.ends_with(".weight") ? 1.0f : 0.0f) {
  const bool positions = spec.name == "embeddings.position_embeddings.weight";
  if (spec.name != "embeddings.word_embeddings.weight" && !positions) return;
  width_ = static_cast<uint64_t>(spec.shape.back());
  zero_begin_ = static_cast<uint64_t>(config.pad_token_id) * width_;
  zero_end_ = zero_begin_ + width_;
  if (positions) amplitude_ = config.sinusoidal_positions * 1.4142135623730951;
}

/// sin(p / 10000^(2i/C)) in the even columns 2i, the cosine beside it in the odd ones.
float InitialValues::sinusoid(uint64_t position, uint64_t column) const {
  constexpr double kLogBase = 9.210340371976184, kQuarterTurn = 1.5707963267948966;
  const double share = static_cast<double>(column / 2 * 2) / static_cast<double>(width_);
  const double angle = static_cast<double>(position) * exact_exp(-kLogBase * share);
  return static_cast<float>(amplitude_ * exact_sin(angle + (column % 2 ? kQuarterTurn : 0)));
}

}  // namespace roberta
