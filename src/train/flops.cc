#include "train/flops.h"

#include <algorithm>

namespace roberta {

double training_flops(const RobertaConfig& config, int64_t tokens, double masked) {
  const double c = static_cast<double>(config.hidden_size), f = static_cast<double>(config.intermediate_size);
  const double v = static_cast<double>(config.vocab_size), n = static_cast<double>(tokens), m = masked;
  const double whole = n * (8 * c * c + 4 * c * f) + 4 * c * n * n;
  const double last = n * 4 * c * c + m * (4 * c * c + 4 * c * f) + 4 * c * n * m;
  const double head = m * (2 * c * c + 2 * c * v);
  return 3 * (static_cast<double>(config.num_hidden_layers - 1) * whole + last + head);
}

double training_flops(const RobertaConfig& config, const StepBatch& batch) {
  double total = 0;
  for (const StepBatch::Micro& micro : batch.micros) {
    const std::vector<int32_t>&starts = micro.batch.batch.starts, &rows = micro.batch.rows;
    for (size_t s = 0; s + 1 < starts.size(); ++s) {
      const auto begin = std::lower_bound(rows.begin(), rows.end(), starts[s]);
      const auto end = std::lower_bound(begin, rows.end(), starts[s + 1]);
      total += training_flops(config, starts[s + 1] - starts[s], static_cast<double>(end - begin));
    }
  }
  return total;
}

}  // namespace roberta
