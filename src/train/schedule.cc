#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace roberta {

double learning_rate(const ScheduleOptions& options, int64_t step) {
  const int64_t done = step - 1, warmup = options.warmup_steps;
  if (warmup > 0 && done <= warmup) {
    return options.peak * static_cast<double>(std::max<int64_t>(done, 1)) / static_cast<double>(warmup);
  }
  if (options.decay == Decay::kConstant) return options.peak;
  if (done >= options.total_steps) return options.end;
  const double x = static_cast<double>(done - warmup) / static_cast<double>(options.total_steps - warmup);
  const double left = options.decay == Decay::kCosine ? (1 + std::cos(std::numbers::pi * x)) / 2
                                                      : std::pow(1 - x, options.power);
  return (options.peak - options.end) * left + options.end;
}

}  // namespace roberta
