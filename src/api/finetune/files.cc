#include "api/finetune/files.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kTrainNames = {"train", "training"};
constexpr std::array<std::string_view, 5> kDevNames = {"dev", "validation", "valid", "val", "eval"};

std::string without_compression(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

/// How well a file's name fits: 2 "train.json", 1 "train-v1.1.json", 0 not at all.
int fit(const fs::path& path, std::string_view name, const TaskTraits& task) {
  const std::string file = without_compression(path);
  for (const std::string_view ending : task.endings) {
    if (!file.ends_with(ending)) continue;
    const std::string_view stem(file.data(), file.size() - ending.size());
    if (stem == name) return 2;
    if (stem.size() > name.size() && stem.starts_with(name) &&
        std::string_view("-_.").find(stem[name.size()]) != std::string_view::npos)
      return 1;
  }
  return 0;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file()) files.push_back(it->path());
  }
  if (error) fail(ErrorCode::kInput, "[finetune] ", folder.string(), ": ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// Empty: there is none.
fs::path find_one(const std::vector<fs::path>& files, std::span<const std::string_view> names,
                  const TaskTraits& task, const char* option) {
  std::vector<fs::path> best;
  int best_fit = 0;
  for (const fs::path& file : files) {
    for (const std::string_view name : names) {
      const int how = fit(file, name, task);
      if (how == 0 || how < best_fit) continue;
      if (how > best_fit) best.clear();
      best_fit = how;
      best.push_back(file);
      break;
    }
  }
  if (best.size() > 1) {
    std::string all;
    for (const fs::path& file : best) all += (all.empty() ? "" : ", ") + file.filename().string();
    fail(ErrorCode::kInput, "[finetune] ", best[0].parent_path().string(),
         ": several files could be meant: ", all, "; give one with ", option);
  }
  return best.empty() ? fs::path() : best.front();
}

DataFolder find_glue(const fs::path& folder, const GlueTask& task) {
  DataFolder found{glue_train_file(task, folder), {}};
  try {
    found.dev = glue_dev_files(task, folder);
  } catch (const Error&) {  // training goes without
  }
  return found;
}

}  // namespace

DataFolder find_data(const fs::path& path, const TaskTraits& task, const GlueTask* glue) {
  if (path.empty()) return {};
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    fail(ErrorCode::kInput, "[finetune] ", path.string(), ": file or folder not found");
  if (!fs::is_directory(path, ignored)) return {path, {}};
  DataFolder found;
  if (glue) {
    found = find_glue(path, *glue);
  } else {
    const std::vector<fs::path> files = files_of(path);
    found.train = find_one(files, kTrainNames, task, "--train-file");
    const fs::path dev = find_one(files, kDevNames, task, "--validation-file");
    if (!dev.empty()) found.dev.push_back(dev);
  }
  return found;
}

}  // namespace roberta
