#pragma once
// The run: steps of any plan (stages of pretraining, epochs of fine-tuning), with logs, evaluation, early
// stopping, checkpoints and a stop on request. Its whole state is LoopState and the parameters; all else is a
// pure function of the options and the step, so a resumed run continues bit-exactly.

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "roberta/pretrain.h"
#include "train/schedule.h"
#include "train/step.h"

namespace roberta {

/// The result of an evaluation on held-out data.
struct EvalResult {
  double loss = 0;
  int64_t units = 0;            ///< that the loss is a mean over
  std::optional<double> score;  ///< what the best checkpoint is chosen by; none: the loss
};

/// What the steps of a run read. Every function but `validate` is a pure function of the step, the first of
/// which is 1.
struct LoopPlan {
  /// This rank's part of a step's batch. Called from another thread, while a step runs.
  std::function<StepBatch(int64_t step)> read;
  /// Of the log: how much of the data is seen after that step, and the length of its sequences (0: they
  /// differ).
  struct Place {
    double epoch = 0;
    int64_t length = 0;
  };
  std::function<Place(int64_t step)> place;
  /// Tokens of the steps after that one, approximately.
  std::function<int64_t(int64_t step)> tokens_after;
  /// Called on all ranks; what rank 0 says counts. None: no evaluation.
  std::function<EvalResult()> validate;
  /// Where to evaluate and to save, in place of LoopOptions::validate_every and save_every.
  std::function<bool(int64_t step)> validate_at, save_at;
};

struct LoopOptions {
  ScheduleOptions schedule;
  StepOptions step;
  int64_t stop_after = 0;         ///< last step of this run; 0: schedule.total_steps
  double max_minutes = 0;         ///< of this run, then it stops as if asked to; 0: no limit
  int64_t log_every = 1;          ///< steps
  int64_t validate_every = 0;     ///< steps; 0: never, not even at the end
  int64_t save_every = 0;         ///< steps; 0: only at the end
  bool higher_is_better = false;  ///< of the metric
  /// Evaluations in a row that are not better than the best before by more than the threshold, after which
  /// the run ends early, as transformers' EarlyStoppingCallback; 0: never.
  int64_t patience = 0;
  double threshold = 0;
  bool fail_on_nonfinite =
      false;  ///< at the first step with a non-finite loss or gradient; otherwise the step is skipped
  int64_t max_consecutive_skips = 5;  ///< steps skipped in a row that end the run
  double peak_flops = 0;              ///< of all ranks, operations a second; 0: unknown
};

/// What a checkpoint keeps beside the parameters.
struct LoopState {
  int64_t step = 0;     ///< done
  int64_t updates = 0;  ///< of the optimizer: steps less those skipped
  int64_t samples = 0, tokens = 0, units = 0;
  int64_t skipped_in_a_row = 0;
  double seconds = 0;  ///< of training, all runs together
  /// Held-out loss at this step, and what the best is chosen by; nothing where it was not measured.
  std::optional<double> last_loss, last_metric;
  std::optional<double> best_metric;
  int64_t best_step = 0;
  int64_t evaluations_without_gain = 0;  ///< in a row
  // Sums since the last log line.
  int64_t window_steps = 0, window_units = 0;
  double window_loss = 0;
};

/// Called on every rank unless it says otherwise.
struct LoopCallbacks {
  std::function<void(const TrainingLog&)> log;
  std::function<void(const ValidationLog&)> validated;
  std::function<void(const std::string&)> warning;
  /// Only on rank 0; the other ranks wait.
  std::function<void(const LoopState&)> save;
};

enum class StopReason : uint8_t { kFinished, kStopped, kOutOfTime, kEarly };

/// Trains from state.step on until the last step, `stop`, the time limit or early stopping; then saves,
/// unless that was done at this very step. A collective: all ranks pass the same options, and a stop
/// requested of one stops all. Error(kNumeric) when the loss or gradients of too many steps in a row are not
/// finite.
StopReason run_loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopPlan& plan,
                    LoopState& state, const LoopCallbacks& callbacks, const std::atomic<bool>& stop);

}  // namespace roberta
