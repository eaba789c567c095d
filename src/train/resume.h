#pragma once
// How a run takes up where an earlier one ended: which checkpoint, what of it, and what goes into the next.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "device/comm.h"
#include "train/parameters.h"
#include "train/state.h"
#include "train/training_checkpoint.h"

namespace roberta {

/// The trained entries as checkpoints hold them, under the names of the model file. They read the device's
/// memory when they are saved.
std::vector<TensorToSave> tensors_to_save(const Parameters& parameters);
/// The same, to be filled; without moments the weights alone. Parameters::pack() must follow.
std::vector<TensorToLoad> tensors_to_load(const Parameters& parameters, bool moments = true);

/// `resume`: "auto", the newest sound one of the store; "never"; or a directory. Error(kUsage) when there are
/// checkpoints that must not be gone on from ("never"), or later ones than the named one. `messages`: told
/// what was stepped over.
std::optional<FoundCheckpoint> choose_checkpoint(CheckpointStore& store, const std::string& resume,
                                                 std::vector<std::string>& messages);

/// Where the loop stood, and how the deciding options differ from those of now ("" when they don't).
/// Error(kUsage) when they do and that is not accepted.
struct Resumed {
  LoopState state;
  std::string changes;
};
Resumed read_resumed(const FoundCheckpoint& found, const OptionList& deciding, bool accept_changes);

/// Gives all ranks the master weights, moments and state of rank 0, and packs the weights of the others. A
/// collective.
void share(Comm& comm, Parameters& parameters, LoopState& state);

/// All but write_model_files.
CheckpointToSave checkpoint_of(const Parameters& parameters, const LoopState& state,
                               const OptionList& deciding, int ranks);

}  // namespace roberta
