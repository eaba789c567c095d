#pragma once
// Floating-point operations of training: those of the matrix products that a step must do, twice the
// multiplications. Forward of a sequence of n tokens, m of which the head reads:
//   each layer but the last   n (8 C^2 + 4 C F) + 4 C n^2     projections, feed-forward, attention
//   the last layer            n 4 C^2 + m (4 C^2 + 4 C F) + 4 C n m     only the head's rows beyond keys and
//                                                                       values
//   head                      m (2 C^2 + 2 C V), with N labels for V; without the C^2 where it has no dense
//   map
// The backward pass of what is trained takes twice as many: by the inputs and by the weights. Through frozen
// layers it takes once as many, and what lies below everything that is trained none. Recomputed activations,
// and LoRA's own small products, are not counted.

#include "train/batch.h"
#include "train/parameters.h"

namespace roberta {

/// Masked language modelling with all parameters trained: a sequence of that many tokens.
double training_flops(const RobertaConfig& config, int64_t tokens, double masked);
/// This rank's part of a step.
double training_flops(const Parameters& parameters, const StepBatch& batch);

}  // namespace roberta
