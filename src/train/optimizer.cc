#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace roberta {

double gradient_norm(const Parameters& parameters) {
  const std::span<float> gradients = parameters.gradients();
  return std::sqrt(parameters.device().ops().sum_squares(gradients.data(), parameters.size()));
}

void optimizer_step(Parameters& parameters, const OptimizerOptions& options, int64_t update,
                    double learning_rate, double norm) {
  const double t = static_cast<double>(update);
  const double correction1 = 1 - std::pow(options.beta1, t), correction2 = 1 - std::pow(options.beta2, t);
  const bool fairseq = options.kind == AdamKind::kFairseq;
  const double step_size = learning_rate * (fairseq ? std::sqrt(correction2) : 1) / correction1;
  // As torch.nn.utils.clip_grad_norm_.
  const double clip = options.clip_norm > 0 ? std::min(1.0, options.clip_norm / (norm + 1e-6)) : 1;
  Adam adam{.beta1 = options.beta1,
            .beta2 = options.beta2,
            .eps = static_cast<float>(options.eps),
            .step_size = static_cast<float>(step_size),
            .v_scale = static_cast<float>(fairseq ? 1 : 1 / correction2),
            .grad_scale = static_cast<float>(clip)};

  // Neighbours that decay alike are one run; the gaps between tensors stay 0 in any.
  const std::vector<ParameterEntry>& entries = parameters.entries();
  for (size_t i = 0; i < entries.size();) {
    const bool decays = options.decay_all || entries[i].decays;
    const int64_t begin = entries[i].offset;
    while (i < entries.size() && (options.decay_all || entries[i].decays) == decays) ++i;
    const int64_t end = i < entries.size() ? entries[i].offset : parameters.size();
    adam.p = parameters.values().data() + begin;
    adam.m = parameters.first_moments().data() + begin;
    adam.v = parameters.second_moments().data() + begin;
    adam.g = parameters.gradients().data() + begin;
    adam.n = end - begin;
    adam.decay = static_cast<float>(decays ? learning_rate * options.weight_decay : 0);
    parameters.device().ops().adam(adam);
  }
  parameters.pack();
}

}  // namespace roberta
