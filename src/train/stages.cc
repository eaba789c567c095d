#include "train/stages.h"

#include <algorithm>
#include <memory>

#include "core/error.h"

namespace roberta {
namespace {

constexpr int64_t kMaxSamples = 1 << 24;  // of a batch: dropout counts them in 32 bits
constexpr double kMaxTokens = 0x1p53;     // of a run: sums over ranks and JSON count in doubles

/// Samples that stages before number i took of the same stream: those of the same length.
int64_t taken_before(const std::vector<Stage>& stages, size_t i) {
  int64_t taken = 0, begin = 0;
  for (size_t k = 0; k < i; ++k) {
    if (stages[k].length == stages[i].length) taken += (stages[k].until - begin) * stages[k].samples;
    begin = stages[k].until;
  }
  return taken;
}

int64_t tokens_after(const std::vector<Stage>& stages, int64_t step) {
  int64_t tokens = 0, begin = step;
  for (const Stage& stage : stages) {
    if (begin < stage.until) tokens += (stage.until - begin) * stage.samples * stage.length;
    begin = std::max(begin, stage.until);
  }
  return tokens;
}

/// Read and masked once; all measurements are of the same.
std::function<EvalResult()> validation(TrainingStep& step, Comm& comm, const StageOptions& options,
                                       const StageData::Stream& held_out,
                                       const std::function<void(const std::string&)>& warning) {
  if (!options.validate || held_out.size == 0) return {};
  const auto batches = std::make_shared<std::vector<StepBatch>>();
  batches->push_back(read_step(held_out.source, {0, held_out.size}, comm.rank(), comm.size(),
                               options.micro_batch_tokens, step.parameters().config().pad_token_id));
  const int64_t units = step.total(batches->front()).units;
  if (units == 0) {  // so few tokens that none is masked: a loss of 0 would be the best for ever
    if (warning) warning("[train] the held-out split has no masked token: no validation");
    return {};
  }
  return [batches, units, &step] { return EvalResult{.loss = step.validate(*batches), .units = units}; };
}

}  // namespace

LoopPlan stage_plan(TrainingStep& step, Comm& comm, StageOptions options, const StageData& data,
                    const std::function<void(const std::string&)>& warning) {
  const std::vector<Stage> stages = options.stages;
  const int64_t micro_tokens = options.micro_batch_tokens;
  const int32_t pad_id = step.parameters().config().pad_token_id;
  LoopPlan plan;
  plan.read = [stages, micro_tokens, pad_id, &data, &comm](int64_t n) {
    const StepPlace place = place_of_step(stages, n);
    return read_step(data.stages[place.stage].source, place.samples, comm.rank(), comm.size(), micro_tokens,
                     pad_id);
  };
  plan.place = [stages, &data](int64_t n) {
    const StepPlace place = place_of_step(stages, n);
    const int64_t size = std::max<int64_t>(1, data.stages[place.stage].size);
    return LoopPlan::Place{
        static_cast<double>(place.samples.first + place.samples.count) / static_cast<double>(size),
        stages[place.stage].length};
  };
  plan.tokens_after = [stages](int64_t n) { return tokens_after(stages, n); };
  plan.validate = validation(step, comm, options, data.held_out, warning);
  return plan;
}

StepPlace place_of_step(const std::vector<Stage>& stages, int64_t step) {
  int64_t begin = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    if (step <= stage.until || i + 1 == stages.size())
      return {i, {taken_before(stages, i) + (step - 1 - begin) * stage.samples, stage.samples}};
    begin = stage.until;
  }
  fail(ErrorCode::kUsage, "[train] no stage is given");
}

void check(const std::vector<Stage>& stages, const ScheduleOptions& schedule, const RobertaConfig& config) {
  if (schedule.total_steps < 1) fail(ErrorCode::kUsage, "[train] the number of steps must be above 0");
  int64_t begin = 0;
  double tokens = 0;
  for (const Stage& stage : stages) {
    if (stage.length < 2 || stage.length > config.max_length()) {
      fail(ErrorCode::kUsage, "[train] sequence length ", stage.length, ": the model takes 2 to ",
           config.max_length(), " tokens");
    }
    if (stage.samples < 1 || stage.samples > kMaxSamples)
      fail(ErrorCode::kUsage, "[train] a batch of ", stage.samples, " samples; it takes 1 to ", kMaxSamples);
    if (stage.until <= begin) {
      fail(ErrorCode::kUsage, "[train] the stage of length ", stage.length, " ends at step ", stage.until,
           ", but begins at ", begin + 1);
    }
    tokens += static_cast<double>(stage.until - begin) * static_cast<double>(stage.samples * stage.length);
    begin = stage.until;
  }
  if (tokens > kMaxTokens)
    fail(ErrorCode::kUsage, "[train] the stages make ", tokens, " tokens; at most ", kMaxTokens,
         " can be counted");
  if (begin != schedule.total_steps) {
    fail(ErrorCode::kUsage, "[train] the stages end at step ", begin, ", the schedule at ",
         schedule.total_steps);
  }
}

}  // namespace roberta
