#include "roberta/pretrain.h"

#include <algorithm>
#include <iomanip>
#include <optional>

#include "api/directory/model_files.h"
#include "api/options/dtype.h"
#include "api/options/train_types.h"
#include "api/pretrain/setup.h"
#include "core/error.h"
#include "io/digest.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "text/tokenizer/tokenizer_files.h"
#include "train/log.h"
#include "train/peak.h"
#include "train/resume.h"
#include "train/training_checkpoint.h"

namespace roberta {
namespace {

/// One run on one process. Only rank 0 writes to the output.
class Run {
 public:
  /// `options`: resolved.
  Run(const PretrainOptions& options, const PretrainCallbacks& callbacks, Comm& comm)
      : options_(options),
        callbacks_(callbacks),
        comm_(comm),
        first_(comm.rank() == 0),
        loop_(loop_options(options)),
        stages_(stages_of(options)),
        corpus_(Corpus::open(options.data, first_, options.threads)),
        tokenizer_(corpus_->tokenizer()),
        config_(training_config(options, &tokenizer_)),
        device_(open_device(options.device, options.threads)) {
    check(stages_, loop_.schedule, config_);
    if (!options.model.empty() && has_tokenizer_files(options.model))
      corpus_->require_tokenizer(Tokenizer::from_directory(options.model), options.model.string());
    fingerprint_ = run_fingerprint(options, config_, to_hex(digest_of(write_manifest(corpus_->manifest()))));
    data_ = stage_data(options, corpus_, tokenizer_);
  }

  PretrainStopReason run(const std::atomic<bool>& stop) {
    if (first_) open_store();
    Parameters parameters(config_, *device_, dtype_of(options_.precision));
    std::optional<FoundCheckpoint> found;
    if (first_) found = find_checkpoint();
    LoopState state = start(parameters, found);
    TrainingStep step(parameters, comm_, loop_.step);
    for (const Stage& stage : stages_) {
      const int64_t own = (stage.samples + comm_.size() - 1) / comm_.size();  // of a batch, at most
      step.reserve(stage.length, std::clamp<int64_t>(options_.micro_batch_tokens / stage.length, 1, own));
    }
    loop_.peak_flops = measure_peak_flops(*device_, parameters.compute_dtype()) * comm_.size();
    begin(parameters, state);
    const LoopCallbacks callbacks = loop_callbacks(parameters);
    const LoopPlan plan =
        stage_plan(step, comm_, {stages_, options_.micro_batch_tokens, options_.eval_steps > 0}, data_,
                   callbacks.warning);
    const StopReason end = run_loop(step, comm_, loop_, plan, state, callbacks, stop);
    switch (end) {
      case StopReason::kFinished:
      case StopReason::kEarly:
        return PretrainStopReason::kFinished;
      case StopReason::kStopped:
        info("stopped as requested; run the same command again to resume");
        return PretrainStopReason::kStopped;
      case StopReason::kOutOfTime:
        info("the time limit is reached; run the same command again to resume");
        return PretrainStopReason::kOutOfTime;
    }
    return PretrainStopReason::kFinished;
  }

 private:
  void info(const std::string& text) const {
    if (first_ && callbacks_.info) callbacks_.info(text);
  }
  void warning(const std::string& text) const {
    if (first_ && callbacks_.warning) callbacks_.warning(text);
  }

  void open_store() {
    store_.emplace(options_.output, CheckpointOptions{options_.save_total_limit, options_.keep_best});
    for (const std::string& message : store_->messages()) warning(message);
  }

  std::optional<FoundCheckpoint> find_checkpoint() {
    std::vector<std::string> messages;
    std::optional<FoundCheckpoint> found = choose_checkpoint(*store_, options_.resume, messages);
    for (const std::string& message : messages) warning(message);
    return found;
  }

  /// Values of the parameters and the state to resume from, the same on all ranks.
  LoopState start(Parameters& parameters, const std::optional<FoundCheckpoint>& found) {
    LoopState state;
    if (first_ && found) {
      const Resumed resumed = read_resumed(*found, fingerprint_, options_.accept_changes);
      if (!resumed.changes.empty()) warning("[train] resumed with changed options: " + resumed.changes);
      read_checkpoint(*found, tensors_to_load(parameters));
      state = resumed.state;
      info(concat("resumed from ", found->path.string()));
      parameters.pack();
    } else if (options_.model.empty()) {
      parameters.initialize(options_.seed);
    } else if (first_) {
      parameters.load(Checkpoint(options_.model));
    }
    share(comm_, parameters, state);
    return state;
  }

  void begin(const Parameters& parameters, const LoopState& state) {
    if (!first_) return;
    store_->require_space(parameters.count());
    if (loop_.validate_every > 0 && data_.held_out.size == 0)
      warning("[train] the corpus has no held-out split: validation is off");
    log_.emplace(options_.output, state.step, options_.tensorboard);
    if (state.step >= loop_.schedule.total_steps)
      return info(concat("all ", loop_.schedule.total_steps, " steps are already done"));
    const auto millions = [](int64_t n) { return static_cast<double>(n) / 1e6; };
    info(concat(std::setprecision(3), millions(parameters.count()), " M parameters, ",
                millions(corpus_->tokens(Split::kTrain)), " M tokens of text, steps ", state.step + 1, " to ",
                loop_.schedule.total_steps, " on ", device_->describe(), ", ", comm_.describe()));
  }

  void save(const Parameters& parameters, const LoopState& state) {
    CheckpointToSave checkpoint = checkpoint_of(parameters, state, fingerprint_, comm_.size());
    checkpoint.write_model_files = [this](const std::filesystem::path& directory) {
      write_config(directory, config_);
      tokenizer_.save(directory);
    };
    log_->sync();
    const SavedCheckpoint saved = store_->save(checkpoint);
    for (const std::string& message : saved.messages) warning(message);
    if (callbacks_.saved) callbacks_.saved(state.step, saved.path);
  }

  LoopCallbacks loop_callbacks(const Parameters& parameters) {
    LoopCallbacks out;
    if (!first_) return out;
    out.log = [this](const TrainingLog& line) {
      log_->write(line);
      if (callbacks_.log) callbacks_.log(line);
    };
    out.validated = [this](const ValidationLog& line) {
      log_->write(line);
      if (callbacks_.validated) callbacks_.validated(line);
    };
    out.warning = callbacks_.warning;
    out.save = [this, &parameters](const LoopState& state) { save(parameters, state); };
    return out;
  }

  const PretrainOptions& options_;
  const PretrainCallbacks& callbacks_;
  Comm& comm_;
  const bool first_;
  LoopOptions loop_;
  std::vector<Stage> stages_;
  std::shared_ptr<const Corpus> corpus_;
  Tokenizer tokenizer_;
  RobertaConfig config_;
  std::unique_ptr<Device> device_;
  OptionList fingerprint_;
  StageData data_;
  std::optional<CheckpointStore> store_;
  std::optional<LogFiles> log_;
};

}  // namespace

PretrainStopReason pretrain(const PretrainOptions& options, const PretrainCallbacks& callbacks,
                            const std::atomic<bool>& stop) {
  const PretrainOptions resolved = resolve_options(options);
  const std::unique_ptr<Comm> comm = open_comm(comm_options(resolved));
  return Run(resolved, callbacks, *comm).run(stop);
}

}  // namespace roberta
