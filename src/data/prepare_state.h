#pragma once
// progress.json: how far a preparation came. Written whenever shards are complete, so that an interrupted run
// goes on there.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/batch_reader.h"
#include "data/manifest.h"

namespace roberta {

struct PrepareState {
  Json options;  ///< what the run was begun with
  Json inputs;   ///< the files of its sets
  /// Sets that are done, and the one at work at the end. Hashes of sets are filled at the end only.
  std::vector<ManifestSet> sets;
  bool set_is_done = false;  ///< the last of `sets`
  /// Where the set at work goes on.
  size_t file = 0;
  FilePosition position;
};

void write_state(const PrepareState& state, const std::filesystem::path& directory);
/// The files by set, with their sizes and times.
Json inputs_to_json(const std::vector<std::vector<InputFile>>& inputs);
/// Error(kUsage) that names the difference when DIR/progress.json was begun with other options, or when a
/// file that it has done was changed. Files to come may be others than they were. Nothing when that run has
/// not completed a shard: there is nothing to go on from.
std::optional<PrepareState> read_state(const std::filesystem::path& directory, const Json& options,
                                       const std::vector<std::vector<InputFile>>& inputs);

}  // namespace roberta
