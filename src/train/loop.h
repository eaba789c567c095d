#pragma once
// The run: steps of a schedule of sequence lengths, with logs, validation, checkpoints and a stop on request.
// Its whole state is LoopState and the parameters; all else is a pure function of the options and the step,
// so a resumed run goes on to the bit.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "roberta/pretrain.h"
#include "train/schedule.h"
#include "train/step.h"

namespace roberta {

/// Steps with one sequence length and batch size.
struct Stage {
  int64_t length = 512;   ///< tokens of a sample, at most
  int64_t samples = 256;  ///< of a global batch
  int64_t until = 0;      ///< last step
};

struct LoopOptions {
  std::vector<Stage> stages;  ///< in order; the last one ends at schedule.total_steps
  ScheduleOptions schedule;
  StepOptions step;
  int64_t micro_batch_tokens = 4096;
  int64_t stop_after = 0;      ///< last step of this run; 0: schedule.total_steps
  double max_minutes = 0;      ///< of this run, then it stops as if asked to; 0: no limit
  int64_t log_every = 1;       ///< steps
  int64_t validate_every = 0;  ///< steps; 0: never, not even at the end
  int64_t save_every = 0;      ///< steps; 0: at the end alone
  bool stop_on_trouble =
      false;  ///< at the first step of a loss or gradient that is not finite; else it is skipped
  int64_t most_skipped = 5;  ///< steps skipped in a row that end the run
  double peak_flops = 0;     ///< of all ranks, operations a second; 0: unknown
};

/// What a checkpoint keeps beside the parameters.
struct LoopState {
  int64_t step = 0;     ///< done
  int64_t updates = 0;  ///< of the optimizer: steps less those skipped
  int64_t samples = 0, tokens = 0, masked = 0;
  int64_t skipped_in_a_row = 0;
  double seconds = 0;               ///< of training, all runs together
  std::optional<double> last_loss;  ///< held-out loss where it was measured last
  std::optional<double> best_loss;
  int64_t best_step = 0;
  // Sums since the last log line.
  int64_t window_steps = 0, window_masked = 0;
  double window_loss = 0;
};

/// Called on every rank unless it says otherwise.
struct LoopCallbacks {
  std::function<void(const TrainingLog&)> log;
  std::function<void(const ValidationLog&)> validated;
  std::function<void(const std::string&)> warning;
  /// Rank 0 alone; the other ranks wait.
  std::function<void(const LoopState&)> save;
};

/// The samples of each stage, and those held out with their fixed masks.
struct LoopData {
  struct Stream {
    SampleSource source;
    int64_t size = 0;  ///< samples of an epoch
  };
  std::vector<Stream> stages;
  Stream held_out;  ///< all of it is used; size 0: there is none
};

enum class LoopEnd : uint8_t { kFinished, kStopped, kOutOfTime };

/// Trains from state.step on until the last step, `stop` or the time limit; then saves, unless that was done
/// at this very step. A collective: all ranks pass the same options, and a stop of one stops all.
/// Error(kNumeric) when too many steps in a row are no numbers.
LoopEnd run_loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopData& data,
                 LoopState& state, const LoopCallbacks& callbacks, const std::atomic<bool>& stop);

/// The part of the data that a step takes: the stage's index, and which samples of its stream. Stages of one
/// length share a stream, and the later one goes on where the earlier ended: else it would see the same text
/// under the same masks again.
struct StepPlace {
  size_t stage;
  SampleRange samples;
};
StepPlace place_of_step(const std::vector<Stage>& stages, int64_t step);

/// Error(kUsage) for options that don't go together.
void check(const LoopOptions& options, const RobertaConfig& config);

}  // namespace roberta
