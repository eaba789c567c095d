#include "train/training_checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"
#include "io/atomic_directory.h"
#include "io/atomic_file.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "train/checkpoint_manifest.h"
#include "train/output_lock.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "checkpoint-";

/// The step in "checkpoint-N"; nothing for another name.
std::optional<int64_t> step_of(const std::string& name) {
  int64_t step = 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error != std::errc() || at != end || step < 0) return std::nullopt;
  return step;
}

/// Left by a save or a removal that was killed: the names that AtomicDirectory, AtomicFile and remove() give.
bool is_left_over(const std::string& name) {
  return (name.starts_with(".checkpoint-") || name.starts_with(".latest")) &&
         name.find(".tmp-") != std::string::npos;
}

template <class Visit>
void for_each_entry(const fs::path& directory, Visit visit) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    visit(it->path().filename().string());
  if (error) fail(ErrorCode::kResource, "[checkpoint] ", directory.string(), ": ", error.message());
}

void create(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    fail(ErrorCode::kResource, "[checkpoint] ", directory.string(), ": can't be created: ", error.message());
}

TensorToWrite to_write(std::string name, const std::vector<int64_t>& shape, const ReadArray& read) {
  return {std::move(name), DType::kF32, shape, read};
}

CheckpointFile write_tensors(const fs::path& path, const std::vector<TensorToWrite>& tensors) {
  SafetensorsHashes hashes;
  write_safetensors(path, tensors, {{"format", "pt"}}, &hashes);
  return {hashes.bytes, hashes.file, std::move(hashes.tensors)};
}

/// All files but the manifest, durable each.
CheckpointManifest write_files(const fs::path& directory, const CheckpointToSave& checkpoint) {
  CheckpointManifest manifest;
  manifest.info = checkpoint.info;
  if (checkpoint.write_model_files) checkpoint.write_model_files(directory);
  write_file_atomically(directory / kStateName, checkpoint.trainer_state);
  for_each_entry(directory, [&](const std::string& name) {
    const fs::path path = directory / name;
    if (!fs::is_regular_file(path)) return;
    if (const int error = sync_file(path)) {
      fail(ErrorCode::kResource, "[checkpoint] ", path.string(), ": ", std::strerror(error),
           free_space_hint(directory, error));
    }
    manifest.files[name] = {fs::file_size(path), to_hex(digest_of_file(path, "checkpoint")), {}};
  });

  std::vector<TensorToWrite> weights, moments;
  for (const TensorToSave& tensor : checkpoint.tensors) {
    if (checkpoint.whole_model) {
      weights.push_back(to_write(tensor.name, tensor.shape, tensor.weight));
    } else {
      moments.push_back(to_write("w." + tensor.name, tensor.shape, tensor.weight));
    }
    moments.push_back(to_write("m." + tensor.name, tensor.shape, tensor.m));
    moments.push_back(to_write("v." + tensor.name, tensor.shape, tensor.v));
  }
  CheckpointFile& moments_file = manifest.files[kMomentsName];
  if (!checkpoint.whole_model) {
    moments_file = write_tensors(directory / kMomentsName, moments);
    return manifest;
  }
  // Hashing and copying keep a core busy at a fast disk's speed: one for each file.
  CheckpointFile& weights_file = manifest.files[kWeightsName];
  parallel_for(std::min(2, usable_cpus()), 2, [&](int64_t i, int) {
    if (i == 0) {
      moments_file = write_tensors(directory / kMomentsName, moments);
    } else {
      weights_file = write_tensors(directory / kWeightsName, weights);
    }
  });
  return manifest;
}

}  // namespace

struct CheckpointStore::Impl {
  fs::path output;
  CheckpointOptions options;
  OutputLock lock;
  std::vector<std::string> messages;
  std::set<int64_t> damaged;  // steps whose checkpoints failed their test: neither counted nor removed

  Impl(fs::path directory, const CheckpointOptions& given)
      : output((create(directory), std::move(directory))), options(given), lock(output) {
    options.keep_last = std::max(1, options.keep_last);
  }

  std::vector<int64_t> steps() const {  // newest first
    std::vector<int64_t> found;
    for_each_entry(output, [&](const std::string& name) {
      if (const auto step = step_of(name)) found.push_back(*step);
    });
    std::sort(found.rbegin(), found.rend());
    return found;
  }
  fs::path path_of(int64_t step) const { return output / concat(kPrefix, step); }

  void clean() {
    std::vector<std::string> left;
    for_each_entry(output, [&](const std::string& name) {
      if (is_left_over(name)) left.push_back(name);
    });
    for (const std::string& name : left) {
      std::error_code error;
      fs::remove_all(output / name, error);
      messages.push_back(
          error ? concat((output / name).string(), ": can't be removed: ", error.message())
                : concat("removed ", (output / name).string(), ", left by a save that was cut off"));
    }
  }

  void require_free(uint64_t needed, const char* what) const {
    std::error_code error;
    const fs::space_info space = fs::space(output, error);
    if (error || space.available >= needed) return;
    fail(ErrorCode::kResource, "[checkpoint] ", output.string(), ": ", what, " takes ", needed, " bytes, ",
         space.available, " bytes are free; make room, or choose another output directory");
  }

  /// Out of sight by a rename first, so that no half-removed directory is ever taken for a checkpoint.
  void remove(int64_t step, std::vector<std::string>& told) {
    const fs::path path = path_of(step);
    const fs::path hidden = output / concat(".", kPrefix, step, ".tmp-", getpid(), "-old");
    std::error_code error;
    fs::rename(path, hidden, error);
    if (!error) fs::remove_all(hidden, error);
    if (error) told.push_back(concat(path.string(), ": can't be removed: ", error.message()));
  }

  void prune(int64_t newest, std::vector<std::string>& told) {
    std::vector<CheckpointInfo> sound;  // newest first
    for (const int64_t step : steps()) {
      if (damaged.contains(step)) continue;
      try {
        sound.push_back(read_checkpoint_manifest(path_of(step)).info);
        sound.back().step = step;
      } catch (const Error&) {  // not ours to remove
      }
    }
    const CheckpointInfo* best = nullptr;
    const auto better = [&](double a, double b) { return options.higher_is_better ? a > b : a < b; };
    for (const CheckpointInfo& info : sound) {
      // Of equals the oldest, as LoopState::best_step has it.
      if (info.metric && (!best || !better(*best->metric, *info.metric))) best = &info;
    }
    int kept = 0;
    for (const CheckpointInfo& info : sound) {
      const bool keep = kept < options.keep_last || info.step == newest ||
                        (options.keep_best && best && info.step == best->step);
      kept += info.step == newest || kept < options.keep_last;
      if (!keep) remove(info.step, told);
    }
  }
};

CheckpointStore::CheckpointStore(fs::path output, const CheckpointOptions& options)
    : impl_(std::make_unique<Impl>(std::move(output), options)) {
  if (!impl_->lock.taken_from().empty()) {
    impl_->messages.push_back(concat(impl_->output.string(), ": took over the lock of ",
                                     impl_->lock.taken_from(), ", which ended without letting go"));
  }
  impl_->clean();
}
CheckpointStore::~CheckpointStore() = default;
CheckpointStore::CheckpointStore(CheckpointStore&&) noexcept = default;

const fs::path& CheckpointStore::output() const { return impl_->output; }
const std::vector<std::string>& CheckpointStore::messages() const { return impl_->messages; }

std::optional<FoundCheckpoint> CheckpointStore::find_newest(std::vector<std::string>& messages) {
  const std::vector<int64_t> steps = impl_->steps();
  std::string why;
  for (const int64_t step : steps) {
    try {
      return open_checkpoint(impl_->path_of(step));
    } catch (const Error& error) {
      impl_->damaged.insert(step);
      why = error.what();
      messages.push_back(concat(why, "; stepping back to the checkpoint before it"));
    }
  }
  if (steps.empty()) return std::nullopt;
  fail(ErrorCode::kModel, "[checkpoint] ", impl_->output.string(), ": none of its ", steps.size(),
       " checkpoints is sound (", why, "); to start anew, choose another output directory");
}

std::optional<int64_t> CheckpointStore::newest_step() const {
  const std::vector<int64_t> steps = impl_->steps();
  return steps.empty() ? std::nullopt : std::optional(steps.front());
}

void CheckpointStore::require_space(int64_t elements) const {
  // Those kept, the one being written before the oldest goes, and the best.
  const int64_t at_once = impl_->options.keep_last + 1 + (impl_->options.keep_best ? 1 : 0);
  const int64_t there = static_cast<int64_t>(impl_->steps().size());
  const int64_t missing = std::max<int64_t>(1, at_once - there);
  impl_->require_free(static_cast<uint64_t>(missing) * checkpoint_bytes(elements),
                      concat("keeping ", at_once, " checkpoints (", missing, " more)").c_str());
}

SavedCheckpoint CheckpointStore::save(const CheckpointToSave& checkpoint) {
  const int64_t step = checkpoint.info.step;
  SavedCheckpoint saved{impl_->path_of(step), {}};
  int64_t elements = 0;
  for (const TensorToSave& tensor : checkpoint.tensors) elements += elements_of(tensor.shape);
  impl_->require_free(checkpoint_bytes(elements) + checkpoint.trainer_state.size(), "a checkpoint");
  {
    AtomicDirectory directory(saved.path, "checkpoint", Existing::kReplace);
    write_checkpoint_manifest(directory.path(), write_files(directory.path(), checkpoint));
    directory.commit();
  }
  impl_->damaged.erase(step);
  write_file_atomically(impl_->output / "latest", saved.path.filename().string() + "\n");
  impl_->prune(step, saved.messages);
  return saved;
}

int64_t elements_of(std::span<const int64_t> shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

uint64_t checkpoint_bytes(int64_t elements) {
  constexpr uint64_t kRest = 4 << 20;  // config, tokenizer, trainer state, headers, manifest
  return static_cast<uint64_t>(elements) * 3 * sizeof(float) + kRest;
}

}  // namespace roberta
