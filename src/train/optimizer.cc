#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace roberta {
namespace {

constexpr int64_t kLine = 16;  // floats to which Parameters aligns its tensors

}  // namespace

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters),
      options_(options),
      runs_(find_runs()),
      norm_(parameters.device().allocate(sizeof(double))),
      scalars_(parameters.device().allocate(std::max<size_t>(1, runs_.size()) * sizeof(AdamScalars))) {}

/// The gaps between tensors stay 0 in any.
std::vector<Optimizer::Run> Optimizer::find_runs() const {
  const int64_t layers = parameters_.config().num_hidden_layers;
  std::vector<Run> runs;
  for (const ParameterEntry& entry : parameters_.entries()) {
    if (!entry.trained) continue;
    const bool decays = options_.decay_all || entry.decays;
    const double rate = options_.layer_decay == 1
                            ? 1
                            : std::pow(options_.layer_decay, static_cast<double>(layers - entry.block));
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

double Optimizer::gradient_norm() {
  Device& device = parameters_.device();
  device.ops().sum_squares({.x = parameters_.gradients(), .out = norm_.span<double>(0, 1)});
  double squares = 0;
  device.download(&squares, norm_.data(), sizeof squares);
  return std::sqrt(squares);
}

void Optimizer::step(int64_t update, double learning_rate, double norm) {
  const double t = static_cast<double>(update);
  const double correction1 = 1 - std::pow(options_.beta1, t), correction2 = 1 - std::pow(options_.beta2, t);
  const bool fairseq = options_.kind == AdamKind::kFairseq;
  // As torch.nn.utils.clip_grad_norm_.
  const double clip = options_.clip_norm > 0 ? std::min(1.0, options_.clip_norm / (norm + 1e-6)) : 1;
  std::vector<AdamScalars> scalars;
  for (const Run& run : runs_) {
    const double rate = learning_rate * run.rate;
    scalars.push_back(
        {.step_size = static_cast<float>(rate * (fairseq ? std::sqrt(correction2) : 1) / correction1),
         .v_scale = static_cast<float>(fairseq ? 1 : 1 / correction2),
         .decay = static_cast<float>(run.decays ? rate * options_.weight_decay : 0),
         .grad_scale = static_cast<float>(clip)});
  }
  Device& device = parameters_.device();
  device.upload(scalars_.data(), scalars.data(), scalars.size() * sizeof(AdamScalars));
  for (size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    device.ops().adam({.p = parameters_.master_weights().subspan(run.weights, run.n),
                       .m = parameters_.first_moments().subspan(run.trained, run.n),
                       .v = parameters_.second_moments().subspan(run.trained, run.n),
                       .g = parameters_.gradients().subspan(run.trained, run.n),
                       .beta1 = options_.beta1,
                       .beta2 = options_.beta2,
                       .eps = static_cast<float>(options_.eps),
                       .scalars = scalars_.span<const AdamScalars>(static_cast<int64_t>(i), 1)});
  }
  parameters_.pack_trained();
}

}  // namespace roberta
