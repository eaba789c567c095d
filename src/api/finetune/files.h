#pragma once
// The files of a data set by their usual names.

#include <filesystem>
#include <vector>

#include "api/finetune/recipe.h"

namespace roberta {

struct DataFolder {
  std::filesystem::path train;             ///< empty: none
  std::vector<std::filesystem::path> dev;  ///< the first decides; none: empty
};

/// `path`: a folder, of GLUE also the folder of all tasks; or the training file itself. Names are train, dev,
/// validation, ... with the endings that the task's readers know, also .gz and .zst. Error(kInput) for a path
/// that isn't there, or with several files that could be meant.
DataFolder find_data(const std::filesystem::path& path, FinetuneKind kind, const GlueTask* glue);

}  // namespace roberta
