#pragma once
// Adam with decoupled weight decay over all trained parameters.

#include <cstdint>
#include <vector>

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

/// Not thread safe. Borrows the parameters.
class Optimizer {
 public:
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  /// Norm of all gradients, of this process's block; of adapters those of A and B. Waits for the device.
  double gradient_norm();
  /// Master weights and moments after update number `update` (the first is 1), and the weights packed from
  /// them. `norm`: that of the gradients, which must be finite.
  void step(int64_t update, double learning_rate, double norm);

 private:
  /// What one operation takes: neighbours in master weights and gradients that are treated the same.
  struct Run {
    int64_t weights, trained, n;  // first elements, and how many
    bool decays;
    double rate;  // times the learning rate
  };
  std::vector<Run> find_runs() const;

  Parameters& parameters_;
  const OptimizerOptions options_;
  const std::vector<Run> runs_;
  Buffer norm_, scalars_;  // the sum of squares; AdamScalars of each run
};

}  // namespace roberta
