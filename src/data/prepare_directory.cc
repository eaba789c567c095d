#include "data/prepare_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <unordered_set>

#include "core/error.h"
#include "data/corpus.h"
#include "io/atomic_file.h"
#include "io/file.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLock = ".lock";

bool good_name(const std::string& name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && name[0] != '.' && std::all_of(name.begin(), name.end(), good);
}

/// A file that a preparation makes, complete or not.
bool is_ours(const std::string& name) {
  return name == "manifest.json" || name == "tokenizer" || name.ends_with(".shard");
}
bool is_left_over(const std::string& name) {
  return name.starts_with(".") && name.find(".tmp-") != std::string::npos;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Whether the content of the directory was made by a preparation, so that it may be removed or continued.
bool is_corpus(const fs::path& directory) {
  if (is_there(directory / "progress.json")) return true;
  if (!is_there(directory / "manifest.json")) return false;
  // Checkpoints of a training run have a manifest.json too.
  return read_text_file(directory / "manifest.json", "prepare").find("roberta-corpus") != std::string::npos;
}

/// A directory with other files must not be written to, let alone cleared.
void refuse_others(const fs::path& directory) {
  if (is_corpus(directory)) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (!is_left_over(name) && name != kLock)
      fail(ErrorCode::kUsage, "[prepare] ", directory.string(), ": is not empty (", name,
           ") and does not hold a corpus; choose a new or empty directory");
  }
}

}  // namespace

void check_options(const PrepareOptions& options) {
  if (options.sets.empty()) fail(ErrorCode::kUsage, "[prepare] no text to prepare: name files or sets");
  if (!(options.held_out >= 0 && options.held_out < 1))
    fail(ErrorCode::kUsage, "[prepare] held_out ", options.held_out, ": must be at least 0 and below 1");
  if (options.shard_bytes < 1 << 12)
    fail(ErrorCode::kUsage, "[prepare] shard_bytes ", options.shard_bytes, ": must be at least 4096");
  std::unordered_set<std::string> names;
  for (const PrepareSet& set : options.sets) {
    if (!good_name(set.name))
      fail(ErrorCode::kUsage, "[prepare] set '", set.name,
           "': names are made of letters, digits, '_', '-' and '.', at most 64 of them");
    if (!names.insert(set.name).second)
      fail(ErrorCode::kUsage, "[prepare] set '", set.name, "' is given twice");
    if (set.paths.empty()) fail(ErrorCode::kUsage, "[prepare] set '", set.name, "' has no paths");
    if (!(set.weight >= 0 && set.weight <= 1e6))
      fail(ErrorCode::kUsage, "[prepare] set '", set.name, "': weight ", set.weight,
           " must be from 0 to 1e6");
  }
}

Manifest manifest_of(const Tokenizer& tokenizer, const PrepareOptions& options) {
  Manifest manifest;
  manifest.tokenizer = tokenizer_hash(tokenizer);
  manifest.vocab_size = tokenizer.vocab_size();
  manifest.bos_id = tokenizer.bos_id();
  manifest.eos_id = tokenizer.eos_id();
  manifest.token_bytes = manifest.vocab_size <= 65536 ? 2 : 4;
  manifest.boundary = options.boundary;
  manifest.held_out = options.held_out;
  manifest.remove_duplicates = options.remove_duplicates;
  return manifest;
}

Json options_to_json(const Manifest& manifest, const PrepareOptions& options) {
  Json sets = Json::array();
  for (const PrepareSet& set : options.sets)
    sets.push_back({{"name", set.name}, {"weight", set.weight}, {"field", set.field}});
  return {{"tokenizer", to_hex(manifest.tokenizer)},
          {"boundary", name_of(manifest.boundary)},
          {"held_out", options.held_out},
          {"remove_duplicates", options.remove_duplicates},
          {"shard_bytes", options.shard_bytes},
          {"bad_text", static_cast<int>(options.bad_text)},
          {"skip_errors", options.skip_errors},
          {"sets", sets}};
}

int64_t estimate_bytes(const std::vector<std::vector<InputFile>>& inputs, uint32_t token_bytes) {
  constexpr double kTokensPerByte = 0.2, kCompression = 2.5;  // low, so that an error is never wrong
  double text = 0;
  for (const auto& set : inputs)
    for (const InputFile& file : set) {
      const fs::path extension = file.path.extension();
      const bool compressed = extension == ".gz" || extension == ".zst";
      text += static_cast<double>(std::max<int64_t>(0, file.bytes)) * (compressed ? kCompression : 1);
    }
  return static_cast<int64_t>(text * kTokensPerByte * token_bytes);
}

int64_t free_space(const fs::path& output) {
  fs::path at = fs::absolute(output);
  while (!is_there(at) && at.has_relative_path()) at = at.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(at, error);
  return error ? -1 : static_cast<int64_t>(space.available);
}

void check_space(const fs::path& output, int64_t needed) {
  const int64_t free = free_space(output);
  if (free >= 0 && needed > free)
    fail(ErrorCode::kResource, "[prepare] ", output.string(), ": about ", needed, " bytes are needed, ", free,
         " are free; free some space, or skip this check with --no-check-space");
}

OutputDirectory::OutputDirectory(const fs::path& directory, bool overwrite) : directory_(directory) {
  std::error_code error;
  if (is_there(directory) && !fs::is_directory(directory, error))
    fail(ErrorCode::kUsage, "[prepare] ", directory.string(), ": is a file; expected a directory");
  if (is_there(directory)) refuse_others(directory);
  if (is_there(directory / "manifest.json") && !overwrite)
    fail(ErrorCode::kUsage, "[prepare] ", directory.string(),
         ": already holds a prepared corpus; pass --overwrite to replace it");
  fs::create_directories(directory, error);
  if (error)
    fail(ErrorCode::kResource, "[prepare] ", directory.string(), ": cannot be created: ", error.message());
  const fs::path lock = directory / kLock;
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0)
    fail(ErrorCode::kResource, "[prepare] ", lock.string(), ": cannot be written: ", std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_);
    fail(ErrorCode::kResource, "[prepare] ", directory.string(),
         ": another process is preparing a corpus in this directory");
  }
  clear(overwrite);
}

OutputDirectory::~OutputDirectory() {
  unlink((directory_ / kLock).c_str());
  close(lock_);
}

/// Removes what a killed run left half-written, or all that an earlier run made but for a progress.json that
/// says so: a run that is killed meanwhile leaves a directory that can still be recognised as one of a
/// preparation.
void OutputDirectory::clear(bool everything) const {
  std::vector<fs::path> gone;
  if (everything) write_file_atomically(directory_ / "progress.json", "{\"sets\": []}\n");
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
    const std::string name = entry.path().filename().string();
    if (is_left_over(name) || (everything && is_ours(name))) gone.push_back(entry.path());
  }
  // The manifest first: the rest of a corpus must not look like a complete one.
  std::sort(gone.begin(), gone.end(), [](const fs::path& a, const fs::path& b) {
    return (a.extension() == ".json") > (b.extension() == ".json");
  });
  for (const fs::path& path : gone) fs::remove_all(path);
}

PrepareState OutputDirectory::open(const Tokenizer& tokenizer, const Json& options,
                                   const std::vector<std::vector<InputFile>>& inputs) const {
  if (is_there(directory_ / "progress.json")) {
    if (auto state = read_state(directory_, options, inputs)) return *std::move(state);
  }
  PrepareState state;
  state.options = options;
  state.inputs = inputs_to_json(inputs);
  clear(true);
  fs::create_directories(directory_ / "tokenizer");
  tokenizer.save(directory_ / "tokenizer");
  write_state(state, directory_);
  return state;
}

}  // namespace roberta
