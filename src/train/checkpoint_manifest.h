#pragma once
// manifest.json of a checkpoint: sizes and hashes of its files and tensors, and of itself, so that a single
// changed bit anywhere is found (docs/formats.md). It is written last: a directory without one is no
// checkpoint.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "train/training_checkpoint.h"

namespace roberta {

struct CheckpointFile {
  uint64_t bytes = 0;
  std::string hash;                            ///< XXH3-128 of the file, hex
  std::map<std::string, std::string> tensors;  ///< name -> hash of its bytes; of a safetensors file
};

struct CheckpointManifest {
  CheckpointInfo info;
  std::map<std::string, CheckpointFile> files;  ///< by name
};

constexpr const char* kManifestName = "manifest.json";
constexpr const char* kStateName = "trainer_state.json";
constexpr const char* kWeightsName = "model.safetensors";
constexpr const char* kMomentsName = "optimizer.safetensors";

/// Whether the weights stand in kMomentsName, as "w.NAME": CheckpointToSave::whole_model was false.
bool has_weights_beside_moments(const CheckpointManifest& manifest);

void write_checkpoint_manifest(const std::filesystem::path& directory, const CheckpointManifest& manifest);
/// Error(kModel) when it is missing or anything in it is not as it was written.
CheckpointManifest read_checkpoint_manifest(const std::filesystem::path& directory);
/// Holds every file of the directory against the manifest; Error(kModel) names the file, and the tensor where
/// the damage is in one.
void verify_checkpoint(const std::filesystem::path& directory, const CheckpointManifest& manifest);

}  // namespace roberta
