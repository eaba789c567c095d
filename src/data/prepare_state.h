#pragma once
// progress.json: the progress of a preparation. Written whenever shards are complete, so that an interrupted
// run resumes there.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/batch_reader.h"
#include "data/manifest.h"

namespace roberta {

struct PrepareState {
  Json options;  ///< what the run was started with
  Json inputs;   ///< the files of its sets
  /// Finished sets, and the current one last. Hashes of sets are filled only at the end.
  std::vector<ManifestSet> sets;
  bool set_is_done = false;  ///< the last of `sets`
  /// Where the current set continues.
  size_t file = 0;
  FilePosition position;
};

void write_state(const PrepareState& state, const std::filesystem::path& directory);
/// The files by set, with their sizes and times.
Json inputs_to_json(const std::vector<std::vector<InputFile>>& inputs);
/// Error(kUsage) that names the difference when DIR/progress.json was started with other options, or when a
/// file that it has finished was changed. Files not yet read may differ. nullopt when that run has not
/// completed a shard: there is nothing to resume.
std::optional<PrepareState> read_state(const std::filesystem::path& directory, const Json& options,
                                       const std::vector<std::vector<InputFile>>& inputs);

}  // namespace roberta
