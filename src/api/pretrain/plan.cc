// What a run of pretraining would take: sizes by arithmetic, speed by a few steps on random tokens.

#include <algorithm>
#include <chrono>

#include "api/options/dtype.h"
#include "api/pretrain/setup.h"
#include "core/rng.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/flops.h"
#include "train/peak.h"
#include "train/training_checkpoint.h"

namespace roberta {
namespace {

using Clock = std::chrono::steady_clock;

/// Random tokens, a fraction of which is to be predicted.
SampleSource random_samples(int64_t length, int64_t vocab_size, double mask_prob) {
  return [=](int64_t n, MaskedSample& out) {
    const Random random(static_cast<uint64_t>(n));
    out.ids.clear();
    out.positions.clear();
    for (int64_t i = 0; i < length; ++i) {
      const uint64_t at = static_cast<uint64_t>(i);
      out.ids.push_back(static_cast<int32_t>(random.bits(0, at) % static_cast<uint64_t>(vocab_size)));
      if (Random::uniform(random.bits(1, at)) < mask_prob) out.positions.push_back(static_cast<int32_t>(i));
    }
    out.targets.assign(out.positions.size(), 5 % static_cast<int32_t>(vocab_size));
  };
}

/// Times steps of one stage.
class Stopwatch {
 public:
  Stopwatch(TrainingStep& step, Parameters& parameters, const PretrainOptions& options)
      : step_(step), parameters_(parameters), options_(options), optimizer_(parameters, {}) {}

  /// Seconds of a whole step: the time of each micro-batch, and the time that is spent once per step.
  double step_seconds(const PretrainStage& stage) {
    const int64_t fit = std::max<int64_t>(1, options_.micro_batch_tokens / stage.length);
    const int64_t samples = std::min(fit, stage.samples);
    const double once = best([&] { optimizer_.step(1, 1e-9, optimizer_.gradient_norm()); });
    const double one = best([&] { run(stage, samples); });
    const double micros = static_cast<double>(stage.samples) / static_cast<double>(samples);
    return once + micros * std::max(one - once, 0.0);
  }

 private:
  /// The best of three, the first of which warms up; a long one is not repeated.
  double best(const std::function<void()>& work) {
    constexpr double kLong = 2;
    double best = 1e30;
    for (int i = 0; i < 3 && (i == 0 || best < kLong); ++i) {
      const Clock::time_point start = Clock::now();
      work();
      parameters_.device().synchronize();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  }
  void run(const PretrainStage& stage, int64_t samples) {
    const RobertaConfig& config = parameters_.config();
    const StepBatch batch = read_step(random_samples(stage.length, config.vocab_size, options_.mask_prob),
                                      {0, samples}, 0, 1, options_.micro_batch_tokens, config.pad_token_id);
    step_.run(batch, step_.total(batch), 1, 1, 1e-9);
  }

  TrainingStep& step_;
  Parameters& parameters_;
  const PretrainOptions& options_;
  Optimizer optimizer_;
};

}  // namespace

PretrainPlan plan_pretraining(const PretrainOptions& given) {
  const PretrainOptions options = resolve_options(given);
  const LoopOptions loop = loop_options(options);
  std::shared_ptr<const Corpus> corpus;
  std::optional<Tokenizer> tokenizer;
  if (!options.data.empty()) {
    corpus = Corpus::open(options.data, false, options.threads);
    tokenizer = corpus->tokenizer();
  }
  const RobertaConfig config = training_config(options, tokenizer ? &*tokenizer : nullptr);
  check(stages_of(options), loop.schedule, config);
  const std::unique_ptr<Device> device = open_device(options.device, options.threads);
  Parameters parameters(config, *device, dtype_of(options.precision));
  parameters.initialize(options.seed);
  const std::unique_ptr<Comm> comm = open_comm({.kind = "local"});
  TrainingStep step(parameters, *comm, loop.step);

  PretrainPlan plan;
  plan.device = device->describe();
  plan.parameters = parameters.count();
  int64_t activations = 0, begin = 0;
  Stopwatch watch(step, parameters, options);
  for (const PretrainStage& stage : options.stages) {
    const int64_t sequences =
        std::clamp<int64_t>(options.micro_batch_tokens / stage.length, 1, stage.samples);
    activations = std::max(activations, static_cast<int64_t>(step.reserve(stage.length, sequences)));
    const int64_t steps = stage.until - begin, samples = steps * stage.samples;
    const double seconds = watch.step_seconds(stage);
    plan.steps += steps;
    plan.samples += samples;
    plan.tokens += samples * stage.length;
    plan.flops += static_cast<double>(samples) *
                  training_flops(config, stage.length, static_cast<double>(stage.length) * options.mask_prob);
    plan.seconds += seconds * static_cast<double>(steps);
    if (begin == 0) plan.tokens_per_second = static_cast<double>(stage.samples * stage.length) / seconds;
    begin = stage.until;
  }
  const int64_t block = parameters.size() * static_cast<int64_t>(sizeof(float));
  plan.bytes = {{"weights (fp32)", block},
                {"gradients", block},
                {"optimizer", 2 * block},
                {"packed weights", static_cast<int64_t>(parameters.packed_bytes())},
                {"activations", activations}};
  plan.peak_flops = measure_peak_flops(*device, parameters.compute_dtype());
  plan.checkpoint_bytes = static_cast<int64_t>(checkpoint_bytes(plan.parameters));
  if (corpus)
    plan.epochs = static_cast<double>(plan.tokens) / static_cast<double>(corpus->tokens(Split::kTrain));
  return plan;
}

}  // namespace roberta
