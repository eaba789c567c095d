#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace roberta {

double gradient_norm(const Parameters& parameters) {
  const std::span<float> gradients = parameters.gradients();
  return std::sqrt(parameters.device().ops().sum_squares(gradients.data(), parameters.trained_size()));
}

namespace {

constexpr int64_t kLine = 16;  // floats to which Parameters aligns its tensors

/// What one call of Adam takes: neighbours in master weights and gradients that are treated the same.
struct Run {
  int64_t weights, trained, n;  // first elements, and how many
  bool decays;
  double rate;  // times the learning rate
};

/// The gaps between tensors stay 0 in any.
std::vector<Run> runs_of(const Parameters& parameters, const OptimizerOptions& options) {
  const int64_t layers = parameters.config().num_hidden_layers;
  std::vector<Run> runs;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.trained) continue;
    const bool decays = options.decay_all || entry.decays;
    const double rate = options.layer_decay == 1
                            ? 1
                            : std::pow(options.layer_decay, static_cast<double>(layers - entry.block));
    Run* last = runs.empty() ? nullptr : &runs.back();
    if (!last || last->decays != decays || last->rate != rate ||
        entry.offset - last->weights != entry.trained_offset - last->trained) {
      runs.push_back({entry.offset, entry.trained_offset, 0, decays, rate});
      last = &runs.back();
    }
    const int64_t end = entry.trained_offset - last->trained + entry.count();
    last->n = (end + kLine - 1) / kLine * kLine;
  }
  return runs;
}

}  // namespace

void optimizer_step(Parameters& parameters, const OptimizerOptions& options, int64_t update,
                    double learning_rate, double norm) {
  const double t = static_cast<double>(update);
  const double correction1 = 1 - std::pow(options.beta1, t), correction2 = 1 - std::pow(options.beta2, t);
  const bool fairseq = options.kind == AdamKind::kFairseq;
  // As torch.nn.utils.clip_grad_norm_.
  const double clip = options.clip_norm > 0 ? std::min(1.0, options.clip_norm / (norm + 1e-6)) : 1;
  Adam adam{.beta1 = options.beta1,
            .beta2 = options.beta2,
            .eps = static_cast<float>(options.eps),
            .v_scale = static_cast<float>(fairseq ? 1 : 1 / correction2),
            .grad_scale = static_cast<float>(clip)};
  for (const Run& run : runs_of(parameters, options)) {
    const double rate = learning_rate * run.rate;
    adam.p = parameters.master_weights().data() + run.weights;
    adam.m = parameters.first_moments().data() + run.trained;
    adam.v = parameters.second_moments().data() + run.trained;
    adam.g = parameters.gradients().data() + run.trained;
    adam.n = run.n;
    adam.step_size = static_cast<float>(rate * (fairseq ? std::sqrt(correction2) : 1) / correction1);
    adam.decay = static_cast<float>(run.decays ? rate * options.weight_decay : 0);
    parameters.device().ops().adam(adam);
  }
  parameters.pack_trained();
}

}  // namespace roberta
