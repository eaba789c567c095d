#include "train/loop.h"

#include <array>
#include <chrono>
#include <cmath>

#include "core/error.h"

namespace roberta {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Loop {
 public:
  Loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopPlan& plan, LoopState& state,
       const LoopCallbacks& callbacks, const std::atomic<bool>& stop)
      : step_(step),
        comm_(comm),
        options_(options),
        plan_(plan),
        state_(state),
        callbacks_(callbacks),
        stop_(stop),
        last_step_(options.stop_after > 0 ? std::min(options.stop_after, options.schedule.total_steps)
                                          : options.schedule.total_steps),
        reader_(plan.read, last_step_) {}

  StopReason run() {
    int64_t saved = state_.step;
    if (state_.last_loss) measured_ = state_.step;  // before it was saved: not to be logged twice
    StopReason end = StopReason::kFinished;
    window_start_ = Clock::now();
    while (state_.step < last_step_) {
      end = out_of_patience() ? StopReason::kEarly : stop_requested();
      if (end != StopReason::kFinished) break;
      if (!one_step()) continue;
      if (plan_.validate_at ? plan_.validate_at(state_.step) : due(options_.validate_every)) validate();
      const bool saves = plan_.save_at ? plan_.save_at(state_.step) : due(options_.save_every);
      if (saves && state_.step < last_step_) save(saved);
    }
    const bool measures = plan_.validate_at || options_.validate_every > 0;
    const bool all_done =
        state_.step >= options_.schedule.total_steps;  // else the log would get a row too many
    if (all_done && measures && measured_ != state_.step) validate();
    if (saved != state_.step) save(saved);
    return end;
  }

 private:
  bool due(int64_t every) const { return every > 0 && state_.step % every == 0; }

  bool out_of_patience() const {
    return options_.patience > 0 && state_.evaluations_without_gain >= options_.patience;
  }

  /// The same on all ranks: a stop requested of any of them, or the time limit by rank 0's clock.
  StopReason stop_requested() {
    const bool late =
        options_.max_minutes > 0 && comm_.rank() == 0 && seconds_since(start_) >= options_.max_minutes * 60;
    std::array<double, 2> requested = {stop_ ? 1.0 : 0.0, late ? 1.0 : 0.0};
    comm_.all_reduce(std::span<double>(requested));
    if (requested[0] > 0) return StopReason::kStopped;
    return requested[1] > 0 ? StopReason::kOutOfTime : StopReason::kFinished;
  }

  /// False: abandoned, because a stop was requested.
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
    state_.units += totals.units;
    state_.seconds += seconds_since(start);
    window_tokens_ += totals.tokens;
    window_flops_ += totals.flops;
    if (result.finite) {
      ++state_.updates;
      state_.skipped_in_a_row = 0;
      ++state_.window_steps;
      state_.window_units += totals.units;
      state_.window_loss += result.loss * static_cast<double>(totals.units);
    } else {
      skip(result);
    }
    if ((due(options_.log_every) || n == options_.schedule.total_steps) && state_.window_steps > 0)
      log(result, rate);
    return true;
  }

  void skip(const StepResult& result) {
    ++state_.skipped_in_a_row;
    if (options_.fail_on_nonfinite) fail(ErrorCode::kNumeric, "[train] ", result.nonfinite_message);
    if (state_.skipped_in_a_row >= options_.max_consecutive_skips) {
      fail(ErrorCode::kNumeric, "[train] ", result.nonfinite_message, "; this is skipped step ",
           state_.skipped_in_a_row, " in a row: use a lower learning rate, or clip gradients");
    }
    if (callbacks_.warning)
      callbacks_.warning("[train] " + result.nonfinite_message + "; the step is skipped");
  }

  void log(const StepResult& result, double rate) {
    const LoopPlan::Place place = plan_.place(state_.step);
    const double seconds = seconds_since(window_start_);
    TrainingLog line{
        .step = state_.step,
        .total_steps = options_.schedule.total_steps,
        .loss = state_.window_loss / static_cast<double>(std::max<int64_t>(1, state_.window_units)),
        .learning_rate = rate,
        .gradient_norm = result.gradient_norm,
        .samples = state_.samples,
        .tokens = state_.tokens,
        .masked = state_.units,
        .epoch = place.epoch,
        .length = place.length,
        .tokens_per_second = static_cast<double>(window_tokens_) / seconds,
        .seconds = state_.seconds};
    if (options_.peak_flops > 0) line.peak_fraction = window_flops_ / seconds / options_.peak_flops;
    line.seconds_left = static_cast<double>(plan_.tokens_after(state_.step)) / line.tokens_per_second;
    state_.window_steps = state_.window_units = 0;
    state_.window_loss = 0;
    window_tokens_ = 0;
    window_flops_ = 0;
    window_start_ = Clock::now();
    if (callbacks_.log) callbacks_.log(line);
  }

  /// What rank 0 measured: all decide by the same numbers.
  EvalResult measure() {
    const EvalResult own = plan_.validate();
    std::array<double, 4> shared = {own.loss, static_cast<double>(own.units), own.score ? 1.0 : 0.0,
                                    own.score.value_or(0)};
    comm_.broadcast(std::as_writable_bytes(std::span(shared)), 0);
    EvalResult out{.loss = shared[0], .units = static_cast<int64_t>(shared[1]), .score = std::nullopt};
    if (shared[2] > 0) out.score = shared[3];
    return out;
  }

  /// NaN or infinity is never the best.
  bool is_best(double metric) const {
    if (!std::isfinite(metric)) return false;
    if (!state_.best_metric) return true;
    return options_.higher_is_better ? metric > *state_.best_metric : metric < *state_.best_metric;
  }

  void validate() {
    measured_ = state_.step;
    if (!plan_.validate) return;
    const Clock::time_point start = Clock::now();
    const EvalResult measured = measure();
    const double metric = measured.score.value_or(measured.loss);
    const bool best = is_best(metric);
    const bool gain =
        best && (!state_.best_metric || std::abs(metric - *state_.best_metric) > options_.threshold);
    state_.evaluations_without_gain = gain ? 0 : state_.evaluations_without_gain + 1;
    state_.last_loss = measured.loss;
    state_.last_metric = metric;
    if (best) state_.best_metric = metric, state_.best_step = state_.step;
    window_start_ += Clock::now() - start;  // not training
    if (callbacks_.validated) {
      callbacks_.validated({.step = state_.step,
                            .loss = measured.loss,
                            .masked = measured.units,
                            .best = best,
                            .seconds = seconds_since(start)});
    }
  }

  void save(int64_t& saved) {
    const Clock::time_point start = Clock::now();
    if (measured_ != state_.step) state_.last_loss.reset(), state_.last_metric.reset();
    if (comm_.rank() == 0 && callbacks_.save) callbacks_.save(state_);
    comm_.barrier();
    saved = state_.step;
    window_start_ += Clock::now() - start;
  }

  TrainingStep& step_;
  Comm& comm_;
  const LoopOptions& options_;
  const LoopPlan& plan_;
  LoopState& state_;
  const LoopCallbacks& callbacks_;
  const std::atomic<bool>& stop_;
  int64_t last_step_;
  StepReader reader_;
  int64_t measured_ = -1;  // step of the last validation
  Clock::time_point start_ = Clock::now(), window_start_;
  int64_t window_tokens_ = 0;
  double window_flops_ = 0;
};

}  // namespace

StopReason run_loop(TrainingStep& step, Comm& comm, const LoopOptions& options, const LoopPlan& plan,
                    LoopState& state, const LoopCallbacks& callbacks, const std::atomic<bool>& stop) {
  return Loop(step, comm, options, plan, state, callbacks, stop).run();
}

}  // namespace roberta
