#pragma once
// Adam with decoupled weight decay over all trained parameters.

#include <cstdint>

#include "train/parameters.h"

namespace roberta {

enum class AdamKind : uint8_t {
  kFairseq,  ///< eps beside the uncorrected root of v
  kTorch,    ///< AdamW of PyTorch: eps beside the corrected one
};

struct OptimizerOptions {
  AdamKind kind = AdamKind::kFairseq;
  double beta1 = 0.9, beta2 = 0.98, eps = 1e-6;
  double weight_decay = 0.01;
  bool decay_all =
      true;  ///< as fairseq; false: biases and LayerNorm don't decay, as in Hugging Face's Trainer
  double clip_norm = 0;    ///< gradients are scaled down to this norm; 0: never
  double layer_decay = 1;  ///< learning rate of layer i times layer_decay^(L - i), of the embeddings ^(L + 1)
};

/// Norm of all gradients, of this process's block; of adapters those of A and B.
double gradient_norm(const Parameters& parameters);

/// Values and moments after update number `update` (the first is 1), and the weights packed anew. `norm`:
/// that of the gradients, which must be finite.
void optimizer_step(Parameters& parameters, const OptimizerOptions& options, int64_t update,
                    double learning_rate, double norm);

}  // namespace roberta
