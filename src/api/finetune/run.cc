#include "api/finetune/run.h"

#include <algorithm>
#include <cmath>

#include "api/finetune/evaluation.h"
#include "api/finetune/output.h"
#include "api/options/dtype.h"
#include "core/error.h"
#include "io/atomic_file.h"
#include "model/weights/checkpoint.h"
#include "train/log.h"
#include "train/resume.h"
#include "train/training_checkpoint.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class SeedRun {
 public:
  SeedRun(const FinetuneSetup& setup, uint64_t seed, const fs::path& output,
          const FinetuneCallbacks& callbacks)
      : setup_(setup),
        o_(setup.options()),
        seed_(seed),
        output_(output),
        callbacks_(callbacks),
        first_(setup.first()),
        batches_(setup.data.train, batch_plan(setup, seed)),
        loop_(loop_options(setup, seed, batches_.steps())),
        fingerprint_(
            run_fingerprint(setup.recipe, seed, batches_.steps(), setup.data.hash(), setup.model_hash)),
        parameters_(setup.config, *setup.device, dtype_of(setup.options().precision), setup.trained()),
        engine_(setup.config, parameters_.borrowed(), setup.device, o_.micro_batch_tokens) {}

  SeedOutcome run(double minutes, const std::atomic<bool>& stop) {
    if (first_) require_metric(setup_.recipe, setup_.data, engine_, setup_.tokenizer);
    primary_metric_ = primary_metric();
    loop_.higher_is_better = greater_is_better(primary_metric_);
    loop_.max_minutes = minutes;
    loop_.validate_every = evaluates() ? 1 : 0;  // validate_at says when
    LoopState state = start();
    TrainingStep step(parameters_, *setup_.comm, loop_.step);
    const int64_t longest = setup_.data.longest;
    step.reserve(longest, std::clamp<int64_t>(o_.micro_batch_tokens / longest, 1, max_sequences()));
    const StopReason end = run_loop(step, *setup_.comm, loop_, plan(), state, loop_callbacks(), stop);
    SeedOutcome out;
    out.end = end;
    out.step = state.step;
    out.steps = batches_.steps();
    out.primary_metric = evaluates() ? primary_metric_ : "";
    const bool finished = end == StopReason::kEarly || state.step >= batches_.steps();
    if (!finished && end == StopReason::kFinished) out.end = StopReason::kOutOfTime;  // stop_after
    if (first_ && finished) finish(state, out);
    return out;
  }

 private:
  bool evaluates() const { return !setup_.data.dev.empty(); }
  void info(const std::string& text) const {
    if (first_ && callbacks_.info) callbacks_.info(text);
  }
  void warning(const std::string& text) const {
    if (first_ && callbacks_.warning) callbacks_.warning(text);
  }

  /// The largest number of sequences in a micro-batch.
  int64_t max_sequences() const {
    if (o_.batch_tokens > 0) return static_cast<int64_t>(setup_.data.train.size());
    return (o_.batch_size + setup_.comm->size() - 1) / setup_.comm->size();
  }

  std::string primary_metric() const {
    if (!o_.metric_for_best_model.empty()) return o_.metric_for_best_model;
    if (setup_.recipe.glue) return setup_.recipe.glue->metrics.front();
    switch (setup_.data.objective.kind) {
      case ObjectiveKind::kRegression:
        return "pearson";
      case ObjectiveKind::kMultiLabel:
        return "f1_micro";
      case ObjectiveKind::kTokens:
      case ObjectiveKind::kSpans:
        return "f1";
      default:
        return "accuracy";
    }
  }

  bool evaluates_at(int64_t step) const {
    if (!evaluates() || o_.eval_strategy == EvalStrategy::kNo) return false;
    return o_.eval_strategy == EvalStrategy::kSteps ? step % o_.eval_steps == 0 : batches_.ends_epoch(step);
  }

  /// The best checkpoint so far must be available at the end.
  bool saves_at(int64_t step) const {
    const bool due = o_.save_steps > 0                                      ? step % o_.save_steps == 0
                     : evaluates() && o_.eval_strategy != EvalStrategy::kNo ? evaluates_at(step)
                                                                            : batches_.ends_epoch(step);
    return due || (o_.load_best_model_at_end && best_step_ == step);
  }

  LoopPlan plan() {
    LoopPlan plan;
    plan.read = [this](int64_t step) {
      return batches_.read(step, setup_.comm->rank(), setup_.comm->size(), setup_.config.pad_token_id);
    };
    plan.place = [this](int64_t step) { return LoopPlan::Place{batches_.epoch_at(step), 0}; };
    plan.tokens_after = [this](int64_t step) {
      const double all = batches_.epoch_at(batches_.steps()) - batches_.epoch_at(step);
      return static_cast<int64_t>(all * static_cast<double>(setup_.data.tokens));
    };
    if (evaluates()) plan.validate = [this] { return evaluate(); };
    plan.validate_at = [this](int64_t step) { return evaluates_at(step); };
    plan.save_at = [this](int64_t step) { return saves_at(step); };
    return plan;
  }

  EvalResult evaluate() {
    if (!first_) return {};
    last_ = evaluate_set(setup_.recipe, setup_.data.dev.front(), engine_, setup_.tokenizer);
    FinetuneEvaluation evaluation = evaluation_of(last_.result);
    return {.loss = last_.result.loss,
            .units = last_.result.examples,
            .score = value_of(evaluation, primary_metric_)};
  }

  FinetuneEvaluation evaluation_of(const TaskEvaluation& result) const {
    FinetuneEvaluation out;
    out.seed = seed_;
    out.loss = result.loss;
    out.metrics = result.metrics;
    return out;
  }

  LoopState start() {
    LoopState state;
    if (first_) {
      store_.emplace(output_, CheckpointOptions{.keep_last = o_.save_total_limit,
                                                .keep_best = o_.load_best_model_at_end && evaluates(),
                                                .higher_is_better = loop_.higher_is_better});
      for (const std::string& message : store_->messages()) warning(message);
      std::vector<std::string> messages;
      const std::optional<FoundCheckpoint> found = choose_checkpoint(*store_, o_.resume, messages);
      for (const std::string& message : messages) warning(message);
      if (!found && fs::exists(output_ / "config.json")) {
        fail(ErrorCode::kUsage, "[finetune] ", output_.string(),
             " contains a model, but no checkpoint to resume from: give another output");
      }
      if (!found || !parameters_.all_trained()) load_start(setup_, seed_, parameters_);
      if (found) {
        state = resume(*found);
      } else {
        begin();
      }
      best_step_ = state.best_step;
      store_->require_space(parameters_.trained_count());
      log_.emplace(output_, state.step, o_.tensorboard);
    }
    share(*setup_.comm, parameters_, state);
    return state;
  }

  LoopState resume(const FoundCheckpoint& found) {
    const Resumed resumed = read_resumed(found, fingerprint_, o_.accept_changes);
    if (!resumed.changes.empty()) warning("[finetune] resumed with changed options: " + resumed.changes);
    read_checkpoint(found, tensors_to_load(parameters_));
    parameters_.pack();
    info(concat("resumed from ", found.path.string()));
    return resumed.state;
  }

  void begin() const {
    info(setup_.head_note);
    info(concat("seed ", seed_, ": ", setup_.data.examples, " examples, ", setup_.data.train.size(),
                " sequences, ", batches_.steps(), " steps, ", parameters_.trained_count(), " of ",
                parameters_.count(), " parameters are trained, on ", setup_.device->describe(), ", ",
                setup_.comm->describe()));
  }

  LoopCallbacks loop_callbacks() {
    LoopCallbacks out;
    out.validated = [this](const ValidationLog& line) {
      if (line.best) best_step_ = line.step;
      if (first_) write(line);
    };
    if (!first_) return out;
    out.log = [this](const TrainingLog& line) { write(line); };
    out.warning = callbacks_.warning;
    out.save = [this](const LoopState& state) { save(state); };
    return out;
  }

  void write(const TrainingLog& line) {
    log_->write(line.step, "train",
                {{"epoch", line.epoch},
                 {"loss", line.loss},
                 {"lr", line.learning_rate},
                 {"grad_norm", line.gradient_norm},
                 {"samples", line.samples},
                 {"tokens", line.tokens},
                 {"tokens_per_s", line.tokens_per_second},
                 {"seconds", line.seconds}});
    if (!callbacks_.log) return;
    const double tokens_a_sample =
        static_cast<double>(line.tokens) / static_cast<double>(std::max<int64_t>(1, line.samples));
    callbacks_.log({.seed = seed_,
                    .step = line.step,
                    .total_steps = line.total_steps,
                    .epoch = line.epoch,
                    .loss = line.loss,
                    .learning_rate = line.learning_rate,
                    .gradient_norm = line.gradient_norm,
                    .tokens_per_second = line.tokens_per_second,
                    .samples_per_second = line.tokens_per_second / tokens_a_sample,
                    .seconds = line.seconds,
                    .seconds_left = line.seconds_left});
  }

  void write(const ValidationLog& line) {
    FinetuneEvaluation evaluation = evaluation_of(last_.result);
    evaluation.step = line.step;
    evaluation.epoch = batches_.epoch_at(line.step);
    evaluation.best = line.best;
    evaluation.seconds = line.seconds;
    Json row = {{"epoch", evaluation.epoch}, {"eval_loss", evaluation.loss}};
    for (const auto& [name, value] : evaluation.metrics) row["eval_" + name] = value;
    row["best"] = line.best;
    if (!last_.collapsed.empty()) row["collapsed"] = last_.collapsed;
    row["eval_seconds"] = line.seconds;
    log_->write(line.step, "dev", row);
    if (callbacks_.evaluated) callbacks_.evaluated(evaluation);
  }

  void save(const LoopState& state) {
    CheckpointToSave checkpoint = checkpoint_of(parameters_, state, fingerprint_, setup_.comm->size());
    checkpoint.write_model_files = [this](const fs::path& directory) {
      if (setup_.adapter()) {
        write_adapter(directory, parameters_, setup_.config, *setup_.adapter(), setup_.tokenizer);
      } else if (!parameters_.all_trained()) {
        write_model(directory, parameters_, saved_config(Precision::kF32), setup_.tokenizer, Precision::kF32);
      } else {
        setup_.tokenizer.save(directory);
        write_config(directory, saved_config(Precision::kF32));
      }
    };
    log_->sync();
    const SavedCheckpoint saved = store_->save(checkpoint);
    for (const std::string& message : saved.messages) warning(message);
    if (callbacks_.saved) callbacks_.saved(state.step, saved.path);
  }

  RobertaConfig saved_config(Precision precision) const {
    RobertaConfig config = setup_.config;
    config.torch_dtype = name_of(dtype_of(precision));
    return config;
  }

  /// Writes the best weights to `output` and collects their results.
  void finish(const LoopState& state, SeedOutcome& out) {
    out.curve = read_finetune_curve(output_ / "log.jsonl", seed_);
    out.best.seed = seed_;
    out.best.step = state.step;
    out.best.epoch = batches_.epoch_at(state.step);
    out.best.loss = std::nan("");
    const int64_t chosen = o_.load_best_model_at_end && state.best_step > 0 ? state.best_step : state.step;
    for (const FinetuneCurve::Point& point : out.curve.points) {
      if (point.evaluation.step != chosen) continue;
      out.best = point.evaluation;
      out.collapsed = point.collapsed;
    }
    if (chosen != state.step) {
      const FoundCheckpoint best = open_checkpoint(output_ / concat("checkpoint-", chosen));
      read_checkpoint(best, tensors_to_load(parameters_, false));
      parameters_.pack();
    }
    if (evaluates() && state.best_step == 0) {
      warning(concat("[finetune] seed ", seed_, ": ", primary_metric_,
                     " was NaN or infinity in every evaluation; the model is the last one"));
    }
    if (!out.collapsed.empty()) {
      warning(concat(
          "[finetune] seed ", seed_, ": the model predicts '", out.collapsed,
          "' for every validation example: the run collapsed or has not learned yet. Try another seed, a "
          "lower learning rate with warmup, or more epochs"));
    }
    evaluate_more(out);
    put_files(output_, [this](const fs::path& folder) { write_files(folder); });
  }

  /// The second validation set of MNLI, and the test set.
  void evaluate_more(SeedOutcome& out) {
    for (size_t i = 1; i < setup_.data.dev.size(); ++i) {
      const TaskEvaluation more =
          evaluate_set(setup_.recipe, setup_.data.dev[i], engine_, setup_.tokenizer).result;
      for (const auto& [name, value] : more.metrics) out.best.metrics.emplace_back(name + "_mm", value);
    }
    if (!setup_.data.test) return;
    out.test =
        evaluation_of(evaluate_set(setup_.recipe, *setup_.data.test, engine_, setup_.tokenizer).result);
    out.test->step = out.best.step;
    out.test->epoch = out.best.epoch;
  }

  void write_files(const fs::path& folder) {
    if (!setup_.adapter()) {
      return write_model(folder, parameters_, saved_config(o_.save_precision), setup_.tokenizer,
                         o_.save_precision);
    }
    AdapterConfig adapter = *setup_.adapter();
    adapter.base_fingerprint = encoder_fingerprint(Checkpoint(o_.model));
    if (!o_.merge_lora) return write_adapter(folder, parameters_, setup_.config, adapter, setup_.tokenizer);
    const fs::path adapter_folder = folder / "adapter", merged_folder = folder / "merged";
    fs::create_directories(adapter_folder);
    write_adapter(adapter_folder, parameters_, setup_.config, adapter, setup_.tokenizer);
    merge_adapter(adapter_folder, merged_folder, o_.model, o_.save_precision);
    for (const auto& entry : fs::directory_iterator(merged_folder))
      fs::rename(entry.path(), folder / entry.path().filename());
    fs::remove_all(adapter_folder);
    fs::remove_all(merged_folder);
  }

  const FinetuneSetup& setup_;
  const FinetuneOptions& o_;
  const uint64_t seed_;
  const fs::path output_;
  const FinetuneCallbacks& callbacks_;
  const bool first_;
  FinetuneBatches batches_;
  LoopOptions loop_;
  OptionList fingerprint_;
  Parameters parameters_;
  Engine engine_;  // reads the weights of parameters_
  std::string primary_metric_;
  int64_t best_step_ = 0;
  EvaluatedSet last_;  // on the first process
  std::optional<CheckpointStore> store_;
  std::optional<LogFiles> log_;
};

}  // namespace

SeedOutcome finetune_seed(const FinetuneSetup& setup, uint64_t seed, const fs::path& output, double minutes,
                          const FinetuneCallbacks& callbacks, const std::atomic<bool>& stop) {
  return SeedRun(setup, seed, output, callbacks).run(minutes, stop);
}

void write_model_card(const FinetuneSetup& setup, const fs::path& directory, const SeedOutcome& of,
                      uint64_t seed, const FinetuneResult& result) {
  const fs::path whole = fs::absolute(directory).lexically_normal();
  const FinetuneCard card{
      .recipe = setup.recipe,
      .data = setup.data,
      .name = (whole.has_filename() ? whole : whole.parent_path()).filename().string(),
      .settings = run_fingerprint(setup.recipe, seed, of.steps, setup.data.hash(), setup.model_hash),
      .result = result,
      .seed = seed,
      .curve = of.curve,
      .collapsed = of.collapsed,
      .adapter = setup.adapter() && !setup.options().merge_lora};
  write_file_atomically(directory / "README.md", model_card(card));
  write_file_atomically(directory / "metrics.json", metrics_json(card));
}

}  // namespace roberta
