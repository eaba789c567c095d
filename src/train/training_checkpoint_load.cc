#include "core/error.h"
#include "core/strings.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "train/checkpoint_manifest.h"
#include "train/training_checkpoint.h"

namespace roberta {

namespace fs = std::filesystem;

FoundCheckpoint open_checkpoint(const fs::path& directory) {
  const CheckpointManifest manifest = read_checkpoint_manifest(directory);
  verify_checkpoint(directory, manifest);
  return {directory, manifest.info, read_text_file(directory / kStateName, "checkpoint")};
}

namespace {

void read_array(const SafetensorsReader& reader, const std::map<std::string, std::string>& hashes,
                const std::string& name, const std::vector<int64_t>& shape, const WriteArray& write) {
  const auto refuse = [&](const std::string& why) {
    fail(ErrorCode::kModel, "[checkpoint] ", reader.path().string(), ": tensor '", printable(name), "' ",
         why);
  };
  const TensorInfo* tensor = reader.find(name);
  if (!tensor) refuse("is missing; the checkpoint is of another model");
  if (tensor->dtype != DType::kF32 || tensor->shape != shape)
    refuse("has another shape or type than the model's; the checkpoint is of another model");
  std::vector<float> values(static_cast<size_t>(elements_of(shape)));
  reader.read(*tensor, 0, std::as_writable_bytes(std::span(values)));
  DigestBuilder hash;
  hash.add(std::as_bytes(std::span(values)));
  const auto expected = hashes.find(name);
  if (expected == hashes.end() || expected->second != to_hex(hash.value()))
    refuse("does not match its hash; it is damaged");
  write(values);
}

}  // namespace

void read_checkpoint(const FoundCheckpoint& checkpoint, std::span<const TensorToLoad> tensors) {
  const CheckpointManifest manifest = read_checkpoint_manifest(checkpoint.path);
  const auto open = [&](const char* name, size_t expected) {
    SafetensorsReader reader(checkpoint.path / name);
    if (reader.tensors().size() != expected) {
      fail(ErrorCode::kModel, "[checkpoint] ", reader.path().string(), ": has ", reader.tensors().size(),
           " tensors, the model has ", expected, "; the checkpoint is of another model");
    }
    return reader;
  };
  const bool beside = has_weights_beside_moments(manifest);
  const char* weights_name = beside ? kMomentsName : kWeightsName;
  const auto& weight_hashes = manifest.files.at(weights_name).tensors;
  const SafetensorsReader weights = open(weights_name, (beside ? 3 : 1) * tensors.size());
  for (const TensorToLoad& tensor : tensors)
    read_array(weights, weight_hashes, (beside ? "w." : "") + tensor.name, tensor.shape, tensor.weight);
  if (tensors.empty() || !tensors.front().m) return;
  const auto& moment_hashes = manifest.files.at(kMomentsName).tensors;
  const SafetensorsReader moments = open(kMomentsName, (beside ? 3 : 2) * tensors.size());
  for (const TensorToLoad& tensor : tensors) {
    read_array(moments, moment_hashes, "m." + tensor.name, tensor.shape, tensor.m);
    read_array(moments, moment_hashes, "v." + tensor.name, tensor.shape, tensor.v);
  }
}

}  // namespace roberta
