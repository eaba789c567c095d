#pragma once
// The files of a data set by their usual names.

#include <filesystem>
#include <vector>

#include "api/finetune/recipe.h"

namespace roberta {

struct DataFolder {
  std::filesystem::path train;             ///< empty: none
  std::vector<std::filesystem::path> dev;  ///< the first chooses the best model
};

/// `path`: a folder (for GLUE also the folder of all tasks) or the training file itself. Names are train,
/// dev, validation, ... with the endings of the task, also .gz and .zst. Error(kInput) for a path that is not
/// found, or with several files that could be meant.
DataFolder find_data(const std::filesystem::path& path, const TaskTraits& task, const GlueTask* glue);

}  // namespace roberta
