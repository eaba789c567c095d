#include "train/flops.h"

#include <algorithm>

namespace roberta {
namespace {

struct Flops {
  double encoder, head;
};

/// Forward of n tokens, m of which the head reads; `outputs` of its last map.
Flops forward_flops(const RobertaConfig& config, int64_t tokens, double m, double outputs, bool dense) {
  const double c = static_cast<double>(config.hidden_size), f = static_cast<double>(config.intermediate_size);
  const double n = static_cast<double>(tokens);
  const double whole = n * (8 * c * c + 4 * c * f) + 4 * c * n * n;
  const double last = n * 4 * c * c + m * (4 * c * c + 4 * c * f) + 4 * c * n * m;
  return {static_cast<double>(config.num_hidden_layers - 1) * whole + last,
          m * ((dense ? 2 * c * c : 0) + 2 * c * outputs)};
}

/// Forward and back of the encoder, as a multiple of its forward.
double encoder_passes(const Parameters& parameters) {
  if (parameters.all_trained()) return 3;
  return parameters.trained().lora ? 2 : 1;
}

/// Numbers in the adapted weights: their gradients are made whole (train/adapter_products.h).
double adapted_numbers(const Parameters& parameters) {
  double total = 0;
  const std::vector<ParameterEntry>& entries = parameters.entries();
  for (size_t i = 0; i + 1 < entries.size(); ++i) {
    if (!entries[i].adapter || !entries[i + 1].adapter || !entries[i].spec.name.ends_with("lora_A.weight"))
      continue;
    total += static_cast<double>(entries[i].cols) * static_cast<double>(entries[i + 1].rows);
  }
  return total;
}

}  // namespace

double training_flops(const RobertaConfig& config, int64_t tokens, double masked) {
  const Flops once = forward_flops(config, tokens, masked, static_cast<double>(config.vocab_size), true);
  return 3 * (once.encoder + once.head);
}

double training_flops(const Parameters& parameters, const StepBatch& batch) {
  const HeadKind head = parameters.trained().head;
  const bool mlm = head == HeadKind::kMaskedLm;
  const ClassifierParams& classifier = parameters.head.classifier;
  const double outputs = static_cast<double>(mlm ? parameters.config().vocab_size : classifier.out.w.rows);
  const double passes = encoder_passes(parameters), adapted = adapted_numbers(parameters);
  double total = 0;
  for (const StepBatch::Micro& micro : batch.micros) {
    const std::vector<int32_t>&starts = micro.batch.batch.starts, &rows = micro.batch.rows;
    for (size_t s = 0; s + 1 < starts.size(); ++s) {
      const auto begin = std::lower_bound(rows.begin(), rows.end(), starts[s]);
      const auto end = std::lower_bound(begin, rows.end(), starts[s + 1]);
      const int64_t n = starts[s + 1] - starts[s];
      const double read = static_cast<double>(head == HeadKind::kQuestionAnswering ? n : end - begin);
      const Flops once =
          forward_flops(parameters.config(), n, read, outputs, mlm || static_cast<bool>(classifier.dense.w));
      total += passes * once.encoder + 3 * once.head + 2 * static_cast<double>(n) * adapted;
    }
  }
  return total;
}

}  // namespace roberta
