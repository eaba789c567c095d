#include "api/finetune/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "api/options/dtype.h"
#include "core/convert.h"
#include "core/error.h"
#include "io/file.h"
#include "io/safetensors.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

/// Reads the device's memory when it is written.
TensorToWrite tensor_of(const ParameterEntry& entry, const Parameters& parameters, DType dtype) {
  const auto fill = [&parameters, &entry, dtype](uint64_t offset, std::span<std::byte> out) {
    const int64_t size = size_of(dtype), n = static_cast<int64_t>(out.size()) / size;
    std::vector<float> values = download(parameters.device(), parameters.master_weights(entry).subspan(
                                                                  static_cast<int64_t>(offset) / size, n));
    convert({values.data(), 1, n, n, DType::kF32}, {out.data(), 1, n, n, dtype});
  };
  return {file_name_of(entry.spec.name, parameters.trained().head), dtype, entry.spec.shape, fill};
}

/// A folder with this file is taken for a model: it comes last.
int turn_of(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "config.json" ? 2 : name == "adapter_config.json" ? 1 : 0;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(turn_of(a), a) < std::pair(turn_of(b), b);
  });
  return files;
}

[[noreturn]] void fail_with(const fs::path& path, int error) {
  fail(ErrorCode::kResource, "[finetune] ", path.string(), ": can't be written: ", std::strerror(error),
       free_space_hint(path.parent_path(), error));
}

}  // namespace

void write_model(const fs::path& directory, const Parameters& parameters, const RobertaConfig& config,
                 const Tokenizer& tokenizer, Precision precision) {
  const DType dtype = dtype_of(precision);
  std::vector<TensorToWrite> tensors;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.adapter) tensors.push_back(tensor_of(entry, parameters, dtype));
  }
  write_sharded_safetensors(directory, tensors);
  tokenizer.save(directory);
  write_config(directory, config);
}

void write_adapter(const fs::path& directory, const Parameters& parameters, const RobertaConfig& config,
                   const AdapterConfig& adapter, const Tokenizer& tokenizer) {
  std::vector<std::vector<float>> values;
  values.reserve(parameters.entries().size());  // the tensors borrow
  std::vector<AdapterTensor> tensors;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (!entry.trained) continue;
    values.push_back(download(parameters.device(), parameters.master_weights(entry)));
    tensors.push_back({entry.spec.name, entry.spec.shape, values.back()});
  }
  write_adapter_weights(directory, adapter, parameters.trained().head, tensors);
  tokenizer.save(directory);
  write_config(directory, config);
  write_adapter_config(directory, adapter);
}

void put_files(const fs::path& output, const std::function<void(const fs::path&)>& fill) {
  const fs::path folder = output / concat(".model.tmp-", getpid());
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  if (error) fail_with(folder, error.value());
  try {
    fill(folder);
    for (const fs::path& file : files_of(folder)) {
      if (const int wrong = sync_file(file)) fail_with(output / file.filename(), wrong);
      fs::rename(file, output / file.filename(), error);
      if (error) fail_with(output / file.filename(), error.value());
    }
    if (const int wrong = sync_directory(output)) fail_with(output, wrong);
  } catch (...) {
    fs::remove_all(folder, error);
    throw;
  }
  fs::remove_all(folder, error);
}

void copy_model(const fs::path& from, const fs::path& to) {
  for (const fs::path& file : files_of(from)) {
    const std::string name = file.filename().string();
    if (name.starts_with(".") || name == "latest" || name == "log.jsonl") continue;
    std::error_code error;
    fs::copy_file(file, to / name, fs::copy_options::overwrite_existing, error);
    if (error) fail_with(to / name, error.value());
  }
}

}  // namespace roberta
