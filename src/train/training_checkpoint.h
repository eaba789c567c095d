#pragma once
// The checkpoints of a run: `OUTPUT/checkpoint-N/`, each a Hugging Face model directory (or a LoRA adapter)
// with the optimizer's and the trainer's state beside it and a manifest of hashes, written last
// (docs/formats.md). A checkpoint
// appears whole or not at all; killing the process or the machine at any moment leaves the earlier ones as
// they were. Only rank 0 saves and loads; the other ranks get their copy by Comm::broadcast.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace roberta {

/// Gives bytes from `offset` on of an fp32 array, dense and row-major. Called by several threads.
using ReadArray = std::function<void(uint64_t offset, std::span<std::byte> out)>;
/// Takes a whole such array.
using WriteArray = std::function<void(std::span<const float> values)>;

/// A trained tensor: its master weights and Adam's two moments.
struct TensorToSave {
  std::string name;  ///< as the model file stores it: file_name_of() of model/names.h
  std::vector<int64_t> shape;
  ReadArray weight, m, v;
};
struct TensorToLoad {
  std::string name;
  std::vector<int64_t> shape;
  WriteArray weight, m, v;  ///< without m and v: only the weights are loaded
};
/// Elements of a tensor of that shape.
int64_t elements_of(std::span<const int64_t> shape);

/// What a manifest says of its checkpoint besides the hashes.
struct CheckpointInfo {
  int64_t step = 0;              ///< optimizer steps done; names the directory
  std::string config_hash;       ///< of the resolved configuration
  int ranks = 1;                 ///< processes of the run that wrote it
  std::optional<double> metric;  ///< what the best is chosen by, where it was measured at this step
};

struct CheckpointToSave {
  CheckpointInfo info;
  std::vector<TensorToSave> tensors;  ///< all that is trained
  /// Whether they are the whole model and make its model.safetensors. Else their weights stand beside the
  /// moments, and a model file, if any, is up to write_model_files.
  bool whole_model = true;
  /// Content of trainer_state.json, a JSON object: counters, the whole resolved configuration, best metric,
  /// length of the loss log, versions. Comes back as it was given.
  std::string trainer_state;
  /// Writes config.json, the tokenizer's files and the like into the directory it is given.
  std::function<void(const std::filesystem::path&)> write_model_files;
};

struct SavedCheckpoint {
  std::filesystem::path path;
  std::vector<std::string> messages;  ///< for the log: what could not be pruned
};

/// A checkpoint whose every byte was held against its manifest.
struct FoundCheckpoint {
  std::filesystem::path path;
  CheckpointInfo info;
  std::string trainer_state;
};

struct CheckpointOptions {
  int keep_last = 3;      ///< newest ones kept, at least 1
  bool keep_best = true;  ///< and the one of the best metric; of equals the oldest
  bool higher_is_better = false;
};

/// The output directory of a run, held by one process at a time. Not thread safe. Errors: Error(kResource)
/// when the directory is held by another process or can't be written, with the bytes that are free when the
/// disk is full; Error(kModel) for damage.
class CheckpointStore {
 public:
  /// Creates `output` if it is missing, locks it, and removes what a killed save left behind.
  CheckpointStore(std::filesystem::path output, const CheckpointOptions& options);
  ~CheckpointStore();
  CheckpointStore(CheckpointStore&&) noexcept;

  const std::filesystem::path& output() const;
  /// For the log: left-overs that were removed, the lock of a dead process that was taken over.
  const std::vector<std::string>& messages() const;

  /// The newest sound checkpoint. Damaged ones are stepped over, and `messages` says which file or tensor.
  /// Nothing when there is none at all; Error(kModel) when there are some and none is sound.
  std::optional<FoundCheckpoint> find_newest(std::vector<std::string>& messages);

  /// Of the checkpoints there, sound or not.
  std::optional<int64_t> newest_step() const;

  /// Before the first step: Error(kResource) unless the disk has room for all checkpoints of `elements`
  /// trained numbers that will lie there at once.
  void require_space(int64_t elements) const;

  /// Replaces a checkpoint of the same step. Whatever it throws, the earlier checkpoints are intact. Then
  /// prunes; what can't be removed is told in the messages and is no error.
  SavedCheckpoint save(const CheckpointToSave& checkpoint);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Verifies one checkpoint directory, without lock: Error(kModel) that names the damaged file and tensor.
FoundCheckpoint open_checkpoint(const std::filesystem::path& directory);

/// Loads the tensors from a checkpoint, wherever it has the weights. Error(kModel) names a tensor that is
/// missing, has another shape or does not fit its hash.
void read_checkpoint(const FoundCheckpoint& checkpoint, std::span<const TensorToLoad> tensors);

/// Bytes that a checkpoint of that many trained numbers takes on the disk, at most.
uint64_t checkpoint_bytes(int64_t elements);

}  // namespace roberta
