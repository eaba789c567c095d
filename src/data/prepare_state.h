#pragma once
// progress.json: how far a preparation came. Written whenever shards are complete, so that an interrupted run
// goes on there.

#include <filesystem>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace roberta {

struct PrepareState {
  /// What the run was begun with, for comparison: options and input files.
  Json options;
  /// Sets that are done, and the one at work at the end. Hashes of sets are filled at the end only.
  std::vector<ManifestSet> sets;
  bool set_is_done = false;  ///< the last of `sets`
  /// Where the set at work goes on.
  size_t file = 0;
  int64_t offset = 0, line = 1;
};

void write_state(const PrepareState& state, const std::filesystem::path& directory);
/// Error(kUsage) that names the difference when DIR/progress.json was begun with other options.
PrepareState read_state(const std::filesystem::path& directory, const Json& options);

}  // namespace roberta
