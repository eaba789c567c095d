#include "api/plan/speed.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "api/options/dtype.h"
#include "runtime/open_comm.h"
#include "train/step.h"

namespace roberta {
namespace {

using Clock = std::chrono::steady_clock;

/// Median seconds of passes within about a second, after one that warms up; a long one is believed at once.
double median_seconds(const std::function<void()>& work) {
  constexpr double kBudget = 1, kLong = 2;
  constexpr size_t kMaxRuns = 50, kMinRuns = 3;
  std::vector<double> seconds;
  double spent = 0;
  for (bool warm = false; seconds.size() < kMaxRuns && (seconds.size() < kMinRuns || spent < kBudget);
       warm = true) {
    const Clock::time_point start = Clock::now();
    work();
    const double own = std::chrono::duration<double>(Clock::now() - start).count();
    if (own > kLong) return own;
    if (!warm) continue;
    seconds.push_back(own);
    spent += own;
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

}  // namespace

PlanSpeed time_inference(const PlannedModel& model, const PlanOptions& options,
                         const std::shared_ptr<Device>& device) {
  // Speed does not depend on the weights: random ones serve as well, and need no files.
  Engine engine(model.config,
                random_params(model.config, model.head, *device, dtype_of(options.precision), 0), device,
                batch_tokens_of(options));
  const std::vector<Model::Ids> request = random_sequences(model.config, options.batch, options.length);
  PlanSpeed speed;
  speed.seconds = median_seconds([&] { run_task(engine, model, request); });
  double full = speed.seconds / static_cast<double>(options.batch);  // seconds of a text
  if (options.mode == PlanMode::kServe && sequences_at_once(options) > options.batch) {
    const std::vector<Model::Ids> together =
        random_sequences(model.config, sequences_at_once(options), options.length);
    const double seconds = median_seconds([&] { run_task(engine, model, together); });
    full = std::min(full, seconds / static_cast<double>(together.size()));
  }
  speed.per_second = 1 / (full * static_cast<double>(options.batch));
  speed.tokens_per_second = static_cast<double>(options.length) / full;
  return speed;
}

PlanSpeed time_training(const PlannedModel& model, const PlanOptions& options,
                        const std::shared_ptr<Device>& device) {
  Parameters parameters(model.config, *device, dtype_of(options.precision), trained_of(model, options));
  parameters.initialize(0);
  const std::unique_ptr<Comm> comm = open_comm({.kind = "local"});
  TrainingStep step(parameters, *comm, {.objective = objective_of(model), .recompute = options.recompute});
  const int64_t at_once = sequences_at_once(options);
  StepBatch batch{.samples = {0, at_once}, .tokens = at_once * options.length};
  batch.micros.push_back({random_training_batch(model, at_once, options.length), 0, at_once});
  batch.units = batch.micros.front().batch.units();
  const BatchTotals totals = step.total(batch);
  // What an update takes once, and what each micro-batch takes.
  Optimizer optimizer(parameters, {});
  const double once = median_seconds([&] {
    optimizer.step(1, 1e-9, 1);
    device->synchronize();
  });
  const double one = median_seconds([&] {
    step.run(batch, totals, 1, 1, 1e-9);
    device->synchronize();
  });
  const double micros = static_cast<double>(options.batch) / static_cast<double>(at_once);
  PlanSpeed speed;
  speed.seconds = once + micros * std::max(one - once, 0.0);
  speed.per_second = 1 / speed.seconds;
  speed.tokens_per_second = static_cast<double>(options.batch * options.length) / speed.seconds;
  return speed;
}

}  // namespace roberta
