#pragma once
// Floating-point operations of training: those of the matrix products that a step must do, twice the
// multiplications. Forward of a sequence of n tokens, m of them masked:
//   each layer but the last   n (8 C^2 + 4 C F) + 4 C n^2     projections, feed-forward, attention
//   the last layer            n 4 C^2 + m (4 C^2 + 4 C F) + 4 C n m     only masked rows beyond keys and
//   values head                      m (2 C^2 + 2 C V)
// Backward takes twice as many. Recomputed activations are not counted.

#include "model/config.h"
#include "train/batch.h"

namespace roberta {

double training_flops(const RobertaConfig& config, const StepBatch& batch);
/// Of a sequence of that many tokens.
double training_flops(const RobertaConfig& config, int64_t tokens, double masked);

}  // namespace roberta
