#pragma once
// Values of an untrained model: weights from N(0, initializer_range), rows of <pad> 0, biases 0, LayerNorm 1
// and 0. A function of the seed and the element's place alone, the same bits on every machine.
//
// Where config.sinusoidal_positions is above 0, the position table starts as sines and cosines of that root
// mean square instead. Their products depend on the distance of two positions alone, so attention learns what
// stands next to a token once, and not again for each position.

#include <cstdint>

#include "core/rng.h"
#include "model/config.h"
#include "model/names.h"

namespace roberta {

class InitialValues {
 public:
  /// `number` is the tensor's place in expected_tensors().
  InitialValues(const TensorSpec& spec, uint64_t number, const RobertaConfig& config, uint64_t seed);
  float at(uint64_t element) const {
    if (constant_) return value_;
    if (element >= zero_begin_ && element < zero_end_) return 0.0f;
    if (amplitude_ > 0) return sinusoid(element / width_, element % width_);
    return static_cast<float>(deviation_ * Random::normal(random_.bits(number_, element)));
  }

 private:
  float sinusoid(uint64_t position, uint64_t column) const;

  Random random_;
  uint64_t number_;
  double deviation_;
  bool constant_;
  float value_;
  uint64_t width_ = 1, zero_begin_ = 0, zero_end_ = 0;  // the row of <pad>
  double amplitude_ = 0;                                // of sinusoids; 0: normal numbers
};

}  // namespace roberta
