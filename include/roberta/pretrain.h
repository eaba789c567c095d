#pragma once
// Pretraining: masked language modelling on a prepared corpus, from scratch or from a model, with checkpoints
// from which a run resumes bit-exactly.
//
//     roberta::PretrainOptions options;
//     options.data = "corpus";  // made by roberta::prepare_corpus()
//     options.output = "run";
//     options.sizes.hidden_size = 256;
//     options.sizes.num_hidden_layers = 4;
//     options.max_steps = 10000;
//     std::atomic<bool> stop = false;  // set it from any thread to save and end the run
//     const auto log = [](const roberta::TrainingLog& line) { std::cout << line.step << ' ' << line.loss <<
//     '\n'; }; roberta::pretrain(options, {.log = log}, stop);

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "roberta/init.h"
#include "roberta/model.h"
#include "roberta/prepare.h"
#include "roberta/training.h"

namespace roberta {

/// Steps of one sequence length and batch size, up to and including step `until`.
struct PretrainStage {
  int64_t length = 512;
  int64_t samples = 256;  ///< sequences of a batch, all processes together
  int64_t until = 0;
};

/// Names are those of Hugging Face's Trainer, and of `roberta pretrain`; defaults are those of roberta-base
/// as published, except for what depends on the corpus.
struct PretrainOptions {
  std::filesystem::path model;  ///< weights to start from; empty: untrained ones of the sizes below
  ModelSizes sizes;
  double hidden_dropout_prob = 0.1, attention_probs_dropout_prob = 0.1;

  std::filesystem::path data;  ///< a prepared corpus (roberta/prepare.h)
  Packing packing = Packing::kNone;

  double mask_prob = 0.15, leave_unmasked_prob = 0.1, random_token_prob = 0.1;
  bool whole_word = false, exclude_special = false, random_differs = false;

  /// Empty: one stage of `length` and `batch_samples` up to `max_steps`.
  std::vector<PretrainStage> stages;
  int64_t length = 512, batch_samples = 256;
  int64_t micro_batch_tokens = 4096;  ///< computed at once; changes results only by rounding
  bool recompute = false;  ///< recompute activations in the backward pass: less memory, a third more time

  OptimizerType optim = OptimizerType::kAdam;
  double learning_rate = 6e-4, adam_beta1 = 0.9, adam_beta2 = 0.98, adam_epsilon = 1e-6, weight_decay = 0.01;
  bool decay_all = true;     ///< false: biases and LayerNorm don't decay
  double max_grad_norm = 0;  ///< 0: gradients are not clipped

  int64_t max_steps = 0;  ///< 0: where the last stage ends; fewer than that cut the stages
  int64_t warmup_steps = 0;
  LrScheduler lr_scheduler_type = LrScheduler::kLinear;
  double lr_power = 1, lr_end = 0;

  std::filesystem::path output;  ///< for checkpoints and logs
  std::string resume =
      "auto";  ///< "auto": the newest checkpoint in `output`; "never"; or a checkpoint's path
  bool accept_changes = false;            ///< resume although options that affect the result differ
  uint64_t seed = 0;                      ///< of weights, order, masks and dropout
  Precision precision = Precision::kF32;  ///< of matrix products; weights and their sums are fp32
  std::string device = "cpu";
  int threads = 0;
  Distributed distributed = Distributed::kAuto;
  double dist_timeout = 600;  ///< seconds that processes wait for one another before they give up
  int64_t stop_after = 0;     ///< step after which this run ends; 0: none
  double max_minutes = 0;     ///< of this run; 0: no limit
  OnNan on_nan = OnNan::kSkip;
  int64_t max_consecutive_skips = 5;  ///< skipped steps in a row that end the run

  int64_t logging_steps = 10;
  bool tensorboard = true;   ///< beside log.jsonl
  int64_t eval_steps = 0;    ///< steps between validations; 0: never
  int64_t eval_samples = 0;  ///< sequences of a validation; 0: the whole held-out split

  int64_t save_steps = 0;  ///< steps between checkpoints; 0: only at the end
  int save_total_limit = 3;
  bool keep_best = true;
};

/// Means since the line before, and the state at `step`.
struct TrainingLog {
  int64_t step = 0, total_steps = 0;
  double loss = 0;  ///< nats per masked token
  double learning_rate = 0, gradient_norm = 0;
  int64_t samples = 0, tokens = 0, masked = 0;  ///< since the start of training
  double epoch = 0;                             ///< of the data in samples of this length
  int64_t length = 0;
  double tokens_per_second = 0;
  /// Operations of matrix products per second, divided by what the machine can do; 0: unknown.
  double peak_fraction = 0;
  double seconds = 0, seconds_left = 0;
};
/// On the held-out split, with the same masks each time.
struct ValidationLog {
  int64_t step = 0;
  double loss = 0;  ///< nats per masked token
  int64_t masked = 0;
  bool best = false;
  double seconds = 0;
};

/// Called only on the first process.
struct PretrainCallbacks {
  std::function<void(const TrainingLog&)> log;
  std::function<void(const ValidationLog&)> validated;
  std::function<void(int64_t step, const std::filesystem::path&)> saved;
  std::function<void(const std::string&)> info, warning;
};

enum class PretrainStopReason : uint8_t { kFinished, kStopped, kOutOfTime };

/// Trains until the last step, the time limit, or `stop`; then saves. Error(kUsage) for options that
/// contradict one another or a checkpoint with other options, kInput for the corpus, kModel, kResource,
/// kNumeric for too many steps with NaN or infinity.
PretrainStopReason pretrain(const PretrainOptions& options, const PretrainCallbacks& callbacks,
                            const std::atomic<bool>& stop);

/// What a run would take. Bytes are of one process.
struct PretrainPlan {
  int64_t parameters = 0;
  std::vector<std::pair<std::string, int64_t>> bytes;  ///< part, bytes
  int64_t steps = 0, samples = 0, tokens = 0;
  double epochs = 0;             ///< 0: no corpus
  double flops = 0;              ///< of all steps
  double peak_flops = 0;         ///< operations per second of a large matrix product here
  double tokens_per_second = 0;  ///< measured, steps of the first stage
  double seconds = 0;            ///< of all steps, at the speed of each stage
  int64_t checkpoint_bytes = 0;
  std::string device;
};

/// Times a few steps on random tokens; writes nothing.
PretrainPlan plan_pretraining(const PretrainOptions& options);

}  // namespace roberta
