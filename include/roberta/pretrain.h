#pragma once
// Pretraining: masked language modelling on a prepared corpus, from nothing or from a model, with checkpoints
// from which a run goes on to the bit.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "roberta/init.h"
#include "roberta/model.h"

namespace roberta {

/// Steps of one sequence length and batch size, up to step `until`.
struct PretrainStage {
  int64_t length = 512;
  int64_t samples = 256;  ///< sequences of a batch, all processes together
  int64_t until = 0;
};

/// Defaults are those of roberta-base as published, but for what depends on the corpus.
struct PretrainOptions {
  std::filesystem::path data;    ///< a prepared corpus (roberta/prepare.h)
  std::filesystem::path output;  ///< for checkpoints and logs
  std::filesystem::path model;   ///< weights to start from; empty: untrained ones of the sizes in `fresh`
  InitOptions fresh;             ///< no tokenizer: the corpus's; its precision, threads and seed are not used
  double hidden_dropout = 0.1, attention_dropout = 0.1;

  std::string packing = "none";  ///< none, complete, complete-doc
  double mask_prob = 0.15, leave_unmasked_prob = 0.1, random_token_prob = 0.1;
  bool whole_word = false, exclude_special = false, random_differs = false;

  std::vector<PretrainStage> stages;  ///< the last one ends at `steps`
  int64_t micro_batch_tokens = 4096;  ///< computed at once; the result depends on it by rounding only
  bool recompute = false;             ///< activations again on the way back: less memory, a third more time

  std::string optimizer = "fairseq";  ///< or torch: where eps stands
  double learning_rate = 6e-4, beta1 = 0.9, beta2 = 0.98, epsilon = 1e-6, weight_decay = 0.01;
  bool decay_all = true;  ///< false: biases and LayerNorm don't decay
  double clip_norm = 0;   ///< 0: gradients are not clipped

  std::string schedule = "linear";  ///< linear, polynomial, cosine, constant
  int64_t steps = 0, warmup_steps = 0;
  double power = 1, end_learning_rate = 0;

  uint64_t seed = 0;                      ///< of weights, order, masks and dropout
  Precision precision = Precision::kF32;  ///< of matrix products; weights and their sums are fp32
  std::string device = "cpu";
  int threads = 0;

  /// How processes are joined: "auto" by MPI when mpirun or srun started this one among several; "local":
  /// none; "mpi". And how long they wait for one another, in seconds, before they give up.
  std::string distributed = "auto";
  double distributed_timeout = 600;

  std::string resume = "auto";   ///< auto: the newest checkpoint in `output`; never; or a checkpoint's path
  bool accept_changes = false;   ///< resume though options that change the result are others
  int64_t stop_after = 0;        ///< step after which this run ends; 0: none
  double max_minutes = 0;        ///< of this run; 0: no limit
  bool stop_on_trouble = false;  ///< at a loss or gradient that is no number; else the step is skipped
  int64_t most_skipped = 5;      ///< skipped steps in a row that end the run

  int64_t log_every = 10, validate_every = 0, save_every = 0;  ///< steps; 0: never
  int64_t validation_samples = 0;                              ///< 0: the whole held-out split
  bool tensorboard = true;                                     ///< beside log.jsonl
  int keep_last = 3;
  bool keep_best = true;
};

/// Means since the line before, and how things stand at `step`.
struct TrainingLog {
  int64_t step = 0, total_steps = 0;
  double loss = 0;  ///< nats a masked token
  double learning_rate = 0, gradient_norm = 0;
  int64_t samples = 0, tokens = 0, masked = 0;  ///< since the start of training
  double epoch = 0;                             ///< of the data in pieces of this length
  int64_t length = 0;
  double tokens_per_second = 0;
  double peak_fraction =
      0;  ///< operations of matrix products a second, over what the machine can; 0: unknown
  double seconds = 0, seconds_left = 0;
};
/// On the held-out split, with the same masks each time.
struct ValidationLog {
  int64_t step = 0;
  double loss = 0;  ///< nats a masked token
  int64_t masked = 0;
  bool best = false;
  double seconds = 0;
};

/// On the first process alone.
struct PretrainCallbacks {
  std::function<void(const TrainingLog&)> log;
  std::function<void(const ValidationLog&)> validated;
  std::function<void(int64_t step, const std::filesystem::path&)> saved;
  std::function<void(const std::string&)> info, warning;
};

enum class PretrainEnd : uint8_t { kFinished, kStopped, kOutOfTime };

/// Trains until the last step, the time limit, or `stop`; then saves. Error(kUsage) for options that don't go
/// together or a checkpoint of others, kInput for the corpus, kModel, kResource, kNumeric for too many steps
/// without a number.
PretrainEnd pretrain(const PretrainOptions& options, const PretrainCallbacks& callbacks,
                     const std::atomic<bool>& stop);

/// What a run would take. Bytes are of one process.
struct PretrainPlan {
  int64_t parameters = 0;
  std::vector<std::pair<std::string, int64_t>> bytes;  ///< part, bytes
  int64_t steps = 0, samples = 0, tokens = 0;
  double epochs = 0;             ///< 0: no corpus
  double flops = 0;              ///< of all steps
  double peak_flops = 0;         ///< operations a second of a large matrix product here
  double tokens_per_second = 0;  ///< measured, steps of the first stage
  double seconds = 0;            ///< of all steps, at the speed of each stage
  int64_t checkpoint_bytes = 0;
  std::string device;
};

/// Times a few steps on random tokens; writes nothing.
PretrainPlan plan_pretraining(const PretrainOptions& options);

}  // namespace roberta
