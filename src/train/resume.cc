#include "train/resume.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "io/digest.h"

namespace roberta {
namespace {

ReadArray reading(Device& device, DeviceSpan<float> array) {
  return [&device, array](uint64_t offset, std::span<std::byte> out) {
    device.download(out.data(), array.data() + static_cast<int64_t>(offset), out.size());
  };
}
WriteArray writing(Device& device, DeviceSpan<float> array) {
  return [&device, array](std::span<const float> values) {
    device.upload(array.data(), values.data(), values.size_bytes());
  };
}

/// A block's elements on all ranks become those of rank 0.
void broadcast(Comm& comm, Device& device, DeviceSpan<float> block) {
  constexpr int64_t kPart = 4 << 20;  // elements in host memory at once
  std::vector<float> host;
  for (int64_t begin = 0; begin < block.size(); begin += kPart) {
    const DeviceSpan<float> part = block.subspan(begin, std::min(kPart, block.size() - begin));
    host.resize(static_cast<size_t>(part.size()));
    if (comm.rank() == 0) device.download(host.data(), part.data(), part.size_bytes());
    comm.broadcast(std::as_writable_bytes(std::span(host)), 0);
    if (comm.rank() != 0) device.upload(part.data(), host.data(), part.size_bytes());
  }
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
  Device& device = parameters.device();
  std::vector<TensorToSave> out;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.trained) continue;
    const auto moments = [&](DeviceSpan<float> block) {
      return reading(device, block.subspan(entry.trained_offset, entry.count()));
    };
    out.push_back({.name = file_name_of(entry.spec.name, parameters.trained().head),
                   .shape = entry.spec.shape,
                   .weight = reading(device, parameters.master_weights(entry)),
                   .m = moments(parameters.first_moments()),
                   .v = moments(parameters.second_moments())});
  }
  return out;
}

std::vector<TensorToLoad> tensors_to_load(const Parameters& parameters, bool moments) {
  Device& device = parameters.device();
  std::vector<TensorToLoad> out;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.trained) continue;
    TensorToLoad tensor{.name = file_name_of(entry.spec.name, parameters.trained().head),
                        .shape = entry.spec.shape,
                        .weight = writing(device, parameters.master_weights(entry)),
                        .m = {},
                        .v = {}};
    if (moments) {
      tensor.m = writing(device, parameters.first_moments().subspan(entry.trained_offset, entry.count()));
      tensor.v = writing(device, parameters.second_moments().subspan(entry.trained_offset, entry.count()));
    }
    out.push_back(std::move(tensor));
  }
  return out;
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
  for (const DeviceSpan<float> block :
       {parameters.master_weights(), parameters.first_moments(), parameters.second_moments()})
    broadcast(comm, parameters.device(), block);
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
