#include "roberta/finetune.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/finetune/evaluation.h"
#include "api/finetune/output.h"
#include "api/finetune/run.h"
#include "core/error.h"
#include "tasks/metrics/metrics.h"
#include "train/output_lock.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// The seeds one after another.
class Runs {
 public:
  Runs(const FinetuneSetup& setup, const FinetuneCallbacks& callbacks, const std::atomic<bool>& stop)
      : setup_(setup), o_(setup.options()), callbacks_(callbacks), stop_(stop) {}

  FinetuneResult run() {
    result_.task = setup_.recipe.task;
    result_.model = o_.output;
    for (int i = 0; i < o_.seeds; ++i) {
      if (!run_seed(o_.seed + static_cast<uint64_t>(i))) {
        result_.finished = false;
        return result_;
      }
    }
    if (!setup_.first()) return result_;
    if (o_.seeds == 1) {
      write_model_card(setup_, o_.output, outcomes_.front(), o_.seed, result_);
    } else {
      write_median();
    }
    return result_;
  }

 private:
  fs::path output_of(uint64_t seed) const {
    return o_.seeds == 1 ? o_.output : o_.output / concat("seed-", seed);
  }

  /// 0: no limit.
  double minutes_left() const {
    if (o_.max_minutes == 0) return 0;
    return std::max(1e-6, o_.max_minutes - std::chrono::duration<double>(Clock::now() - start_).count() / 60);
  }

  bool run_seed(uint64_t seed) {
    SeedOutcome outcome = finetune_seed(setup_, seed, output_of(seed), minutes_left(), callbacks_, stop_);
    if (outcome.end == StopReason::kStopped || outcome.end == StopReason::kOutOfTime) {
      result_.stopped = outcome.end == StopReason::kStopped;
      const bool at_stop_after = o_.stop_after > 0 && outcome.step >= o_.stop_after;
      if (setup_.first() && callbacks_.info) {
        callbacks_.info(result_.stopped ? "stopped as requested; run the same command again to resume"
                        : at_stop_after ? concat("stopped after step ", o_.stop_after,
                                                 "; run the same command without --stop-after to resume")
                                        : "the time limit is reached; run the same command again to resume");
      }
      return false;
    }
    if (!setup_.first()) return true;
    result_.primary_metric = outcome.primary_metric;
    result_.best.push_back(outcome.best);
    if (outcome.test) result_.test.push_back(*outcome.test);
    if (o_.seeds > 1) {
      FinetuneResult single{.task = result_.task, .primary_metric = outcome.primary_metric};
      single.best = {outcome.best};
      if (outcome.test) single.test = {*outcome.test};
      summarize(single);
      write_model_card(setup_, output_of(seed), outcome, seed, single);
    }
    outcomes_.push_back(std::move(outcome));
    summarize(result_);
    return true;
  }

  static void summarize(FinetuneResult& result) {
    std::vector<double> values;
    for (const FinetuneEvaluation& one : result.best) {
      const double value = value_of(one, result.primary_metric);
      if (std::isfinite(value)) values.push_back(value);
    }
    if (values.empty()) return;
    const Spread all = spread(values);
    result.median = all.median;
    result.mean = all.mean;
    result.deviation = values.size() > 1 ? all.deviation : 0;
  }

  /// The seed with the median result; with an even number of seeds, the worse of the two in the middle.
  size_t median_seed() const {
    std::vector<size_t> order(result_.best.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const bool greater = greater_is_better(result_.primary_metric);
    const auto score = [&](size_t i) {
      const double value = value_of(result_.best[i], result_.primary_metric);
      return std::isfinite(value) ? (greater ? value : -value) : -INFINITY;
    };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score(a) < score(b); });
    return order[(order.size() - 1) / 2];
  }

  void write_median() {
    const size_t at = median_seed();
    const uint64_t seed = result_.best[at].seed;
    put_files(o_.output, [&](const fs::path& folder) { copy_model(output_of(seed), folder); });
    std::error_code ignored;
    fs::copy_file(output_of(seed) / "log.jsonl", o_.output / "log.jsonl",
                  fs::copy_options::overwrite_existing, ignored);
    write_model_card(setup_, o_.output, outcomes_[at], seed, result_);
  }

  const FinetuneSetup& setup_;
  const FinetuneOptions& o_;
  const FinetuneCallbacks& callbacks_;
  const std::atomic<bool>& stop_;
  const Clock::time_point start_ = Clock::now();
  FinetuneResult result_;
  std::vector<SeedOutcome> outcomes_;
};

void check_output(const FinetuneSetup& setup) {
  const FinetuneOptions& o = setup.options();
  if (o.output.empty()) fail(ErrorCode::kUsage, "[finetune] the output directory is missing: give --output");
  std::error_code ignored;
  if (fs::exists(o.output, ignored) && !fs::is_directory(o.output, ignored))
    fail(ErrorCode::kUsage, "[finetune] output ", o.output.string(), " is a file: expected a directory");
  if (fs::equivalent(o.output, o.model, ignored))
    fail(ErrorCode::kUsage, "[finetune] output ", o.output.string(),
         " is the model to start from: give another directory");
  if (o.seeds == 1) return;
  if (setup.data.dev.empty())
    fail(ErrorCode::kUsage, "[finetune] several seeds need validation data, which determines their median");
  if (o.resume != "auto" && o.resume != "never")
    fail(ErrorCode::kUsage, "[finetune] resume is '", o.resume,
         "': with several seeds, expected auto or never");
}

}  // namespace

FinetuneResult finetune(const FinetuneOptions& options, const FinetuneCallbacks& callbacks,
                        const std::atomic<bool>& stop) {
  const FinetuneSetup setup = set_up_finetuning(options);
  check_output(setup);
  std::optional<OutputLock> lock;  // with one seed, the checkpoints' own
  if (setup.first()) {
    if (options.seeds > 1) {
      fs::create_directories(options.output);
      lock.emplace(options.output);
    }
    for (const std::string& note : setup.data.notes)
      if (callbacks.info) callbacks.info(note);
    for (const std::string& text : setup.data.warnings)
      if (callbacks.warning) callbacks.warning(text);
  }
  return Runs(setup, callbacks, stop).run();
}

}  // namespace roberta
