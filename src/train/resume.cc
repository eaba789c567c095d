#include "train/resume.h"

#include <cmath>

#include "core/error.h"
#include "io/digest.h"

namespace roberta {
namespace {

template <class Tensor>
std::vector<Tensor> tensors_of(const Parameters& parameters, bool moments) {
  std::vector<Tensor> out;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.trained) continue;
    const size_t at = static_cast<size_t>(entry.offset), n = static_cast<size_t>(entry.count());
    const size_t trained = static_cast<size_t>(entry.trained_offset);
    Tensor tensor{file_name_of(entry.spec.name, parameters.trained().head),
                  entry.spec.shape,
                  parameters.master_weights().subspan(at, n),
                  {},
                  {}};
    if (moments) {
      tensor.m = parameters.first_moments().subspan(trained, n);
      tensor.v = parameters.second_moments().subspan(trained, n);
    }
    out.push_back(std::move(tensor));
  }
  return out;
}

/// A later checkpoint in the output would be taken for the newest one of the run that begins now.
FoundCheckpoint open_named(const CheckpointStore& store, const std::string& directory) {
  if (!std::filesystem::exists(directory)) {
    fail(ErrorCode::kUsage, "[train] resume '", directory,
         "' is neither auto, never nor the directory of a checkpoint");
  }
  FoundCheckpoint found = open_checkpoint(directory);
  if (const auto newest = store.newest_step(); newest && *newest > found.info.step) {
    fail(ErrorCode::kUsage, "[train] ", store.output().string(), " holds checkpoint-", *newest,
         ", which is later than ", directory,
         ": go on from the newest (auto), remove the later ones, or give another output");
  }
  return found;
}

}  // namespace

std::vector<TensorToSave> tensors_to_save(const Parameters& parameters) {
  return tensors_of<TensorToSave>(parameters, true);
}
std::vector<TensorToLoad> tensors_to_load(const Parameters& parameters, bool moments) {
  return tensors_of<TensorToLoad>(parameters, moments);
}

std::optional<FoundCheckpoint> choose_checkpoint(CheckpointStore& store, const std::string& resume,
                                                 std::vector<std::string>& messages) {
  if (resume == "auto") return store.find_newest(messages);
  if (resume != "never") return open_named(store, resume);
  if (store.find_newest(messages)) {
    fail(ErrorCode::kUsage, "[train] ", store.output().string(),
         " holds checkpoints of an earlier run: resume from them (auto), or give another output");
  }
  return std::nullopt;
}

Resumed read_resumed(const FoundCheckpoint& found, const OptionList& deciding, bool accept_changes) {
  TrainerState saved = parse_trainer_state(found.trainer_state, (found.path / "trainer_state.json").string());
  Resumed out{saved.loop, differences(saved.options, deciding)};
  if (!out.changes.empty() && !accept_changes) {
    fail(ErrorCode::kUsage, "[train] ", found.path.string(), " was trained with other options (", out.changes,
         "): give those of then, or accept the changes");
  }
  return out;
}

void share(Comm& comm, Parameters& parameters, LoopState& state) {
  if (comm.size() == 1) return;
  const bool first = comm.rank() == 0;
  std::string text = first ? write_trainer_state({state, {}}) : "";
  uint64_t size = text.size();
  comm.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
  text.resize(size);
  comm.broadcast(std::as_writable_bytes(std::span(text)), 0);
  if (!first) state = parse_trainer_state(text, "rank 0").loop;
  for (const std::span<float> block :
       {parameters.master_weights(), parameters.first_moments(), parameters.second_moments()})
    comm.broadcast(std::as_writable_bytes(block), 0);
  if (!first) parameters.pack();
}

CheckpointToSave checkpoint_of(const Parameters& parameters, const LoopState& state,
                               const OptionList& deciding, int ranks) {
  std::string all;
  for (const auto& [name, value] : deciding) all += name + "=" + value + "\n";
  CheckpointToSave out;
  out.info = {.step = state.step, .config_hash = to_hex(digest_of(all)), .ranks = ranks, .metric = {}};
  if (state.last_metric && std::isfinite(*state.last_metric)) out.info.metric = state.last_metric;
  out.tensors = tensors_to_save(parameters);
  out.whole_model = parameters.all_trained();
  out.trainer_state = write_trainer_state({state, deciding});
  return out;
}

}  // namespace roberta
