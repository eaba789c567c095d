#pragma once
// The plan of pretraining: stages of one sequence length and batch size each, over streams of samples.

#include <functional>
#include <string>
#include <vector>

#include "train/loop.h"

namespace roberta {

/// Steps with one sequence length and batch size.
struct Stage {
  int64_t length = 512;   ///< tokens of a sample, at most
  int64_t samples = 256;  ///< of a global batch
  int64_t until = 0;      ///< last step
};

/// The samples of each stage, and those held out with their fixed masks.
struct StageData {
  struct Stream {
    SampleSource source;
    int64_t size = 0;  ///< samples of an epoch
  };
  std::vector<Stream> stages;
  Stream held_out;  ///< all of it is used; size 0: there is none
};

struct StageOptions {
  std::vector<Stage> stages;  ///< in order; the last one ends at the schedule's last step
  int64_t micro_batch_tokens = 4096;
  bool validate = false;  ///< on what is held out
};

/// A collective. The plan borrows all but `options`. `warning`: told when nothing can be measured on what is
/// held out; may be empty.
LoopPlan stage_plan(TrainingStep& step, Comm& comm, StageOptions options, const StageData& data,
                    const std::function<void(const std::string&)>& warning);

/// The part of the data that a step takes: the stage's index, and which samples of its stream. Stages of one
/// length share a stream, and the later one goes on where the earlier ended: else it would see the same text
/// under the same masks again.
struct StepPlace {
  size_t stage;
  SampleRange samples;
};
StepPlace place_of_step(const std::vector<Stage>& stages, int64_t step);

/// Error(kUsage) for stages that can't be, or don't end with the schedule.
void check(const std::vector<Stage>& stages, const ScheduleOptions& schedule, const RobertaConfig& config);

}  // namespace roberta
