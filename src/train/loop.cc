#include "train/loop.h"

#include <array>
#include <chrono>

#include "core/error.h"

namespace roberta {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Loop {
 public:
  Loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopData& data, LoopState& state,
       const LoopCallbacks& callbacks, const std::atomic<bool>& stop)
      : step_(step),
        comm_(comm),
        options_(options),
        data_(data),
        state_(state),
        callbacks_(callbacks),
        stop_(stop),
        last_step_(options.stop_after > 0 ? std::min(options.stop_after, options.schedule.total_steps)
                                          : options.schedule.total_steps),
        reader_([this](int64_t n) { return read(n); }, last_step_) {}

  LoopEnd run() {
    read_held_out();
    int64_t saved = state_.step;
    if (state_.last_loss) measured_ = state_.step;  // before it was saved: not to be logged twice
    LoopEnd end = LoopEnd::kFinished;
    window_start_ = Clock::now();
    while (state_.step < last_step_) {
      end = wish();
      if (end != LoopEnd::kFinished) break;
      if (!one_step()) continue;
      if (due(options_.validate_every)) validate();
      if (due(options_.save_every) && state_.step < last_step_) save(saved);
    }
    if (end == LoopEnd::kFinished && options_.validate_every > 0 && measured_ != state_.step) validate();
    if (saved != state_.step) save(saved);
    return end;
  }

 private:
  bool due(int64_t every) const { return every > 0 && state_.step % every == 0; }

  /// All ranks hear the wish of any of them; rank 0's clock counts.
  LoopEnd wish() {
    const bool late =
        options_.max_minutes > 0 && comm_.rank() == 0 && seconds_since(start_) >= options_.max_minutes * 60;
    std::array<double, 2> wishes = {stop_ ? 1.0 : 0.0, late ? 1.0 : 0.0};
    comm_.all_reduce(std::span<double>(wishes));
    if (wishes[0] > 0) return LoopEnd::kStopped;
    return wishes[1] > 0 ? LoopEnd::kOutOfTime : LoopEnd::kFinished;
  }

  StepBatch read(int64_t n) const {
    const StepPlace place = place_of_step(options_.stages, n);
    return read_step(data_.stages[place.stage].source, place.samples, comm_.rank(), comm_.size(),
                     options_.micro_batch_tokens, step_.parameters().config().pad_token_id);
  }

  void read_held_out() {
    if (options_.validate_every == 0 || data_.held_out.size == 0) return;
    held_out_.push_back(read_step(data_.held_out.source, {0, data_.held_out.size}, comm_.rank(), comm_.size(),
                                  options_.micro_batch_tokens, step_.parameters().config().pad_token_id));
  }

  /// False: abandoned, for a stop was asked for.
  bool one_step() {
    const Clock::time_point start = Clock::now();
    const int64_t n = state_.step + 1;
    const StepBatch batch = reader_.take(n);
    const BatchTotals totals = step_.total(batch);
    const double rate = learning_rate(options_.schedule, n);
    const StepResult result = step_.run(batch, totals, n, state_.updates + 1, rate, &stop_);
    if (result.abandoned) return false;
    state_.step = n;
    state_.samples += batch.samples.count;
    state_.tokens += totals.tokens;
    state_.masked += totals.masked;
    state_.seconds += seconds_since(start);
    window_tokens_ += totals.tokens;
    window_flops_ += totals.flops;
    if (result.finite) {
      ++state_.updates;
      state_.skipped_in_a_row = 0;
      ++state_.window_steps;
      state_.window_masked += totals.masked;
      state_.window_loss += result.loss * static_cast<double>(totals.masked);
    } else {
      skip(result);
    }
    if ((due(options_.log_every) || n == options_.schedule.total_steps) && state_.window_steps > 0)
      log(result, rate);
    return true;
  }

  void skip(const StepResult& result) {
    ++state_.skipped_in_a_row;
    if (options_.stop_on_trouble) fail(ErrorCode::kNumeric, "[train] ", result.trouble);
    if (state_.skipped_in_a_row >= options_.most_skipped) {
      fail(ErrorCode::kNumeric, "[train] ", result.trouble, "; that was step ", state_.skipped_in_a_row,
           " in a row without an update: try a lower learning rate, or clip gradients");
    }
    if (callbacks_.warning) callbacks_.warning("[train] " + result.trouble + "; the step is skipped");
  }

  void log(const StepResult& result, double rate) {
    const StepPlace place = place_of_step(options_.stages, state_.step);
    const double seconds = seconds_since(window_start_);
    TrainingLog line{
        .step = state_.step,
        .total_steps = options_.schedule.total_steps,
        .loss = state_.window_loss / static_cast<double>(std::max<int64_t>(1, state_.window_masked)),
        .learning_rate = rate,
        .gradient_norm = result.gradient_norm,
        .samples = state_.samples,
        .tokens = state_.tokens,
        .masked = state_.masked,
        .epoch = static_cast<double>(place.samples.first + place.samples.count) /
                 static_cast<double>(std::max<int64_t>(1, data_.stages[place.stage].size)),
        .length = options_.stages[place.stage].length,
        .tokens_per_second = static_cast<double>(window_tokens_) / seconds,
        .seconds = state_.seconds};
    if (options_.peak_flops > 0) line.peak_fraction = window_flops_ / seconds / options_.peak_flops;
    line.seconds_left = static_cast<double>(tokens_left()) / line.tokens_per_second;
    state_.window_steps = state_.window_masked = 0;
    state_.window_loss = 0;
    window_tokens_ = 0;
    window_flops_ = 0;
    window_start_ = Clock::now();
    if (callbacks_.log) callbacks_.log(line);
  }

  int64_t tokens_left() const {
    int64_t tokens = 0, begin = state_.step;
    for (const Stage& stage : options_.stages) {
      if (begin < stage.until) tokens += (stage.until - begin) * stage.samples * stage.length;
      begin = std::max(begin, stage.until);
    }
    return tokens;
  }

  void validate() {
    measured_ = state_.step;
    if (held_out_.empty()) return;
    const Clock::time_point start = Clock::now();
    ValidationLog line{.step = state_.step, .loss = step_.validate(held_out_)};
    line.masked = step_.total(held_out_.front()).masked;
    line.best = !state_.best_loss || line.loss < *state_.best_loss;
    state_.last_loss = line.loss;
    if (line.best) state_.best_loss = line.loss, state_.best_step = state_.step;
    line.seconds = seconds_since(start);
    window_start_ += Clock::now() - start;  // not training
    if (callbacks_.validated) callbacks_.validated(line);
  }

  void save(int64_t& saved) {
    const Clock::time_point start = Clock::now();
    if (measured_ != state_.step) state_.last_loss.reset();
    if (comm_.rank() == 0 && callbacks_.save) callbacks_.save(state_);
    comm_.barrier();
    saved = state_.step;
    window_start_ += Clock::now() - start;
  }

  TrainingStep& step_;
  Comm& comm_;
  const LoopOptions& options_;
  const LoopData& data_;
  LoopState& state_;
  const LoopCallbacks& callbacks_;
  const std::atomic<bool>& stop_;
  int64_t last_step_;
  StepReader reader_;
  std::vector<StepBatch> held_out_;
  int64_t measured_ = -1;  // step of the last validation
  Clock::time_point start_ = Clock::now(), window_start_;
  int64_t window_tokens_ = 0;
  double window_flops_ = 0;
};

}  // namespace

StepPlace place_of_step(const std::vector<Stage>& stages, int64_t step) {
  int64_t begin = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    if (step <= stage.until || i + 1 == stages.size())
      return {i, {(step - 1 - begin) * stage.samples, stage.samples}};
    begin = stage.until;
  }
  fail(ErrorCode::kUsage, "[train] no stage is given");
}

void check(const LoopOptions& options, const RobertaConfig& config) {
  const ScheduleOptions& schedule = options.schedule;
  if (schedule.total_steps < 1) fail(ErrorCode::kUsage, "[train] the number of steps must be above 0");
  int64_t begin = 0;
  for (const Stage& stage : options.stages) {
    if (stage.length < 2 || stage.length > config.max_length()) {
      fail(ErrorCode::kUsage, "[train] sequence length ", stage.length, ": the model takes 2 to ",
           config.max_length(), " tokens");
    }
    if (stage.samples < 1) fail(ErrorCode::kUsage, "[train] a batch needs a sample at least");
    if (stage.until <= begin) {
      fail(ErrorCode::kUsage, "[train] the stage of length ", stage.length, " ends at step ", stage.until,
           ", but begins at ", begin + 1);
    }
    begin = stage.until;
  }
  if (begin != schedule.total_steps) {
    fail(ErrorCode::kUsage, "[train] the stages end at step ", begin, ", the schedule at ",
         schedule.total_steps);
  }
}

LoopEnd run_loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopData& data,
                 LoopState& state, const LoopCallbacks& callbacks, const std::atomic<bool>& stop) {
  check(options, step.parameters().config());
  return Loop(step, comm, options, data, state, callbacks, stop).run();
}

}  // namespace roberta
