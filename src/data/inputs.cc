#include "data/inputs.h"

#include <glob.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "core/error.h"
#include "io/byte_source.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

TextFormat format_of(fs::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  const std::string extension = path.extension().string();
  const bool json = extension == ".jsonl" || extension == ".json" || extension == ".ndjson";
  return json ? TextFormat::kJsonl : TextFormat::kText;
}

/// Hidden files are left out: half-written ones of other programs are among them.
std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator at(directory, fs::directory_options::follow_directory_symlink, error), end;
  for (; !error && at != end; at.increment(error)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    if (hidden && at->is_directory()) at.disable_recursion_pending();
    if (!hidden && at->is_regular_file()) files.push_back(at->path());
  }
  if (error) fail(ErrorCode::kInput, "[input] ", directory.string(), ": cannot be listed: ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> matches_of(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

InputFile describe(const fs::path& path, const PrepareSet& set) {
  check_readable(path);
  InputFile file{path, set.format == TextFormat::kAuto ? format_of(path) : set.format, stored_size(path), 0};
  std::error_code error;
  const auto modified = fs::last_write_time(path, error);
  if (path != "-" && !error) file.modified = modified.time_since_epoch().count();
  return file;
}

}  // namespace

std::vector<InputFile> find_inputs(const PrepareSet& set) {
  std::vector<InputFile> inputs;
  for (const std::string& name : set.paths) {
    std::vector<fs::path> found = {name};
    if (name != "-" && !is_there(name) && name.find_first_of("*?[") != std::string::npos) {
      found = matches_of(name);
      if (found.empty()) fail(ErrorCode::kInput, "[input] ", name, ": matches no file");
    }
    for (const fs::path& path : found) {
      std::error_code ignored;
      if (path == "-" || !fs::is_directory(path, ignored)) {
        inputs.push_back(describe(path, set));
        continue;
      }
      const std::vector<fs::path> inside = files_in(path);
      if (inside.empty()) fail(ErrorCode::kInput, "[input] ", path.string(), ": has no files in it");
      for (const fs::path& file : inside) inputs.push_back(describe(file, set));
    }
  }
  return inputs;
}

}  // namespace roberta
