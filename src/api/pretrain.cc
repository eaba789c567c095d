#include "roberta/pretrain.h"

#include <iomanip>
#include <optional>

#include "api/pretrain_setup.h"
#include "core/error.h"
#include "io/hash128.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/checkpoint.h"
#include "train/log.h"
#include "train/peak.h"

namespace roberta {
namespace {

/// One run on one process. Rank 0 alone touches the output.
class Run {
 public:
  Run(const PretrainOptions& options, const PretrainCallbacks& callbacks, Comm& comm)
      : options_(options),
        callbacks_(callbacks),
        comm_(comm),
        first_(comm.rank() == 0),
        loop_(loop_options(options)),
        corpus_(Corpus::open(options.data, first_, options.threads)),
        tokenizer_(corpus_->tokenizer()),
        config_(training_config(options, &tokenizer_)),
        device_(open_device(options.device, options.threads)) {
    check(loop_, config_);
    if (!options.model.empty() && has_tokenizer(options.model))
      corpus_->require_tokenizer(Tokenizer::from_directory(options.model), options.model.string());
    deciding_ = deciding_options(options, config_, to_hex(digest_of(write_manifest(corpus_->manifest()))));
    data_ = loop_data(options, corpus_, tokenizer_);
  }

  PretrainEnd run(const std::atomic<bool>& stop) {
    if (first_) open_store();
    Parameters parameters(config_, *device_, matrix_dtype(options_));
    std::optional<FoundCheckpoint> found;
    if (first_) found = find_checkpoint();
    LoopState state = start(parameters, found);
    TrainingStep step(parameters, comm_, loop_.step);
    for (const Stage& stage : loop_.stages)
      step.reserve(stage.length, std::max<int64_t>(1, loop_.micro_batch_tokens / stage.length));
    loop_.peak_flops = measure_peak_flops(*device_, parameters.matrix()) * comm_.size();
    begin(parameters, state);
    const LoopEnd end = run_loop(step, comm_, loop_, data_, state, loop_callbacks(parameters), stop);
    switch (end) {
      case LoopEnd::kFinished:
        return PretrainEnd::kFinished;
      case LoopEnd::kStopped:
        info("stopped as asked; the same command goes on");
        return PretrainEnd::kStopped;
      case LoopEnd::kOutOfTime:
        info("time is up; the same command goes on");
        return PretrainEnd::kOutOfTime;
    }
    return PretrainEnd::kFinished;
  }

 private:
  static bool has_tokenizer(const std::filesystem::path& directory) {
    return std::filesystem::exists(directory / "tokenizer.json") ||
           std::filesystem::exists(directory / "vocab.json");
  }
  void info(const std::string& text) const {
    if (first_ && callbacks_.info) callbacks_.info(text);
  }
  void warning(const std::string& text) const {
    if (first_ && callbacks_.warning) callbacks_.warning(text);
  }

  void open_store() {
    store_.emplace(options_.output, CheckpointOptions{options_.keep_last, options_.keep_best});
    for (const std::string& message : store_->messages()) warning(message);
  }

  std::optional<FoundCheckpoint> find_checkpoint() {
    std::vector<std::string> messages;
    std::optional<FoundCheckpoint> found;
    if (options_.resume == "auto") {
      found = store_->find_newest(messages);
    } else if (options_.resume != "never") {
      found = open_checkpoint(options_.resume);
    } else if (store_->find_newest(messages)) {
      fail(ErrorCode::kUsage, "[train] ", options_.output.string(),
           " holds checkpoints of an earlier run: resume from them (auto), or give another output");
    }
    for (const std::string& message : messages) warning(message);
    return found;
  }

  /// Values of the parameters and the state to go on from, the same on all ranks.
  LoopState start(Parameters& parameters, const std::optional<FoundCheckpoint>& found) {
    LoopState state;
    if (first_ && found) {
      const TrainerState saved =
          parse_trainer_state(found->trainer_state, (found->path / "trainer_state.json").string());
      const std::string changes = differences(saved.options, deciding_);
      if (!changes.empty() && !options_.accept_changes) {
        fail(ErrorCode::kUsage, "[train] ", found->path.string(), " was trained with other options (",
             changes, "): give those of then, or accept the changes");
      }
      if (!changes.empty()) warning("[train] resumed with other options: " + changes);
      read_checkpoint(*found, arrays<TensorToLoad>(parameters));
      state = saved.loop;
      info(concat("resumed from ", found->path.string()));
      parameters.pack();
    } else if (options_.model.empty()) {
      parameters.initialize(options_.seed);
    } else if (first_) {
      parameters.load(Checkpoint(options_.model));
    }
    if (comm_.size() > 1) share(parameters, state);
    return state;
  }

  void share(Parameters& parameters, LoopState& state) {
    std::string text = first_ ? write_trainer_state({state, {}}) : "";
    uint64_t size = text.size();
    comm_.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
    text.resize(size);
    comm_.broadcast(std::as_writable_bytes(std::span(text)), 0);
    if (!first_) state = parse_trainer_state(text, "rank 0").loop;
    for (const std::span<float> block :
         {parameters.values(), parameters.first_moments(), parameters.second_moments()})
      comm_.broadcast(std::as_writable_bytes(block), 0);
    if (!first_) parameters.pack();
  }

  template <class Tensor>
  static std::vector<Tensor> arrays(const Parameters& parameters) {
    std::vector<Tensor> out;
    for (const ParameterEntry& entry : parameters.entries()) {
      const size_t at = static_cast<size_t>(entry.offset), n = static_cast<size_t>(entry.count());
      out.push_back({file_name_of(entry.spec.name, HeadKind::kMaskedLm), entry.spec.shape,
                     parameters.values().subspan(at, n), parameters.first_moments().subspan(at, n),
                     parameters.second_moments().subspan(at, n)});
    }
    return out;
  }

  void begin(const Parameters& parameters, const LoopState& state) {
    if (!first_) return;
    store_->require_space(parameters.count());
    if (loop_.validate_every > 0 && data_.held_out.size == 0)
      warning("[train] the corpus has no held-out split: there will be no validation");
    log_.emplace(options_.output, state.step, options_.tensorboard);
    const auto millions = [](int64_t n) { return static_cast<double>(n) / 1e6; };
    info(concat(std::setprecision(3), millions(parameters.count()), " M parameters, ",
                millions(corpus_->tokens(Split::kTrain)), " M tokens of text, steps ", state.step + 1, " to ",
                loop_.schedule.total_steps, " on ", device_->describe(), ", ", comm_.describe()));
  }

  void save(const Parameters& parameters, const LoopState& state) {
    CheckpointToSave checkpoint;
    std::string all;
    for (const auto& [name, value] : deciding_) all += name + "=" + value + "\n";
    checkpoint.info = {
        .step = state.step, .config_hash = hash128(all), .ranks = comm_.size(), .metric = state.last_loss};
    checkpoint.tensors = arrays<TensorToSave>(parameters);
    checkpoint.trainer_state = write_trainer_state({state, deciding_});
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
  std::shared_ptr<const Corpus> corpus_;
  Tokenizer tokenizer_;
  RobertaConfig config_;
  std::unique_ptr<Device> device_;
  OptionList deciding_;
  LoopData data_;
  std::optional<CheckpointStore> store_;
  std::optional<LogFiles> log_;
};

}  // namespace

PretrainEnd pretrain(const PretrainOptions& options, const PretrainCallbacks& callbacks,
                     const std::atomic<bool>& stop) {
  const std::unique_ptr<Comm> comm = open_comm({options.distributed, options.distributed_timeout});
  return Run(options, callbacks, *comm).run(stop);
}

}  // namespace roberta
