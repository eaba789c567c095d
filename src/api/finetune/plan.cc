// What a fine-tuning run would take: sizes, and the speed of a few real steps.

#include <chrono>

#include "api/finetune/setup.h"
#include "api/options/dtype.h"
#include "core/error.h"
#include "train/training_checkpoint.h"

namespace roberta {
namespace {

using Clock = std::chrono::steady_clock;

/// Tokens per second over the first steps, the first of which warms up; slow steps are not repeated.
double measure(const FinetuneBatches& batches, const FinetuneSetup& setup, TrainingStep& step) {
  constexpr double kEnough = 2;  // seconds
  double seconds = 0, rate = 0;
  int64_t tokens = 0;
  for (int64_t n = 1; n <= std::min<int64_t>(4, batches.steps()) && seconds < kEnough; ++n) {
    const StepBatch batch = batches.read(n, 0, 1, setup.config.pad_token_id);
    const Clock::time_point start = Clock::now();
    step.run(batch, step.total(batch), n, n, 1e-9);
    const double own = std::chrono::duration<double>(Clock::now() - start).count();
    if (n == 1) rate = static_cast<double>(batch.tokens) / own;
    if (n == 1 && own < kEnough) continue;
    seconds += own;
    tokens += batch.tokens;
  }
  return seconds > 0 ? static_cast<double>(tokens) / seconds : rate;
}

}  // namespace

FinetunePlan plan_finetuning(const FinetuneOptions& options) {
  const FinetuneSetup setup = set_up_finetuning(options);
  const FinetuneOptions& o = setup.options();
  const FinetuneBatches batches(setup.data.train, batch_plan(setup, o.seed));
  Parameters parameters(setup.config, *setup.device, dtype_of(o.precision), setup.trained());
  load_start(setup, o.seed, parameters);
  TrainingStep step(parameters, *setup.comm, loop_options(setup, o.seed, batches.steps()).step);

  FinetunePlan plan;
  plan.task = setup.recipe.task;
  plan.device = setup.device->describe();
  plan.labels = setup.data.label_counts;
  plan.examples = setup.data.examples;
  plan.sequences = static_cast<int64_t>(setup.data.train.size());
  plan.tokens = setup.data.tokens;
  plan.longest = setup.data.longest;
  if (!setup.data.dev.empty()) plan.dev_examples = setup.data.dev.front().examples();
  plan.parameters = parameters.count();
  plan.trained = parameters.trained_count();
  plan.steps = batches.steps();
  plan.steps_per_epoch = batches.steps_of_first_epoch();
  plan.warmup_steps = warmup_of(setup.recipe, plan.steps);
  plan.settings = run_fingerprint(setup.recipe, o.seed, plan.steps, setup.data.hash(), setup.model_hash);
  plan.tokens_per_second = measure(batches, setup, step);
  const double tokens = batches.epoch_at(plan.steps) * static_cast<double>(plan.tokens);
  plan.seconds = tokens / plan.tokens_per_second;
  const int64_t size = static_cast<int64_t>(sizeof(float));
  const int64_t sequences = std::clamp<int64_t>(o.micro_batch_tokens / plan.longest, 1,
                                                o.batch_tokens > 0 ? plan.sequences : o.batch_size);
  plan.bytes = {{"weights (fp32)", parameters.size() * size},
                {"gradients", parameters.trained_size() * size},
                {"optimizer", 2 * parameters.trained_size() * size},
                {"packed weights", static_cast<int64_t>(parameters.packed_bytes())},
                {"activations", static_cast<int64_t>(step.reserve(plan.longest, sequences))}};
  plan.checkpoint_bytes = static_cast<int64_t>(checkpoint_bytes(plan.trained));
  plan.notes = setup.data.notes;
  plan.notes.push_back(setup.head_note);
  plan.notes.insert(plan.notes.end(), setup.data.warnings.begin(), setup.data.warnings.end());
  return plan;
}

}  // namespace roberta
