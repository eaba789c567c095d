#pragma once
// Whether a path can be a Hugging Face model directory at all, with the nearest helpful word when it can't.

#include <filesystem>
#include <string>

namespace roberta {

/// Throws Error(kModel) unless `path` is a directory with a config.json: "[part] PATH: ..." tells apart a hub
/// id that was never downloaded, a file, a directory that holds only an adapter, a fairseq checkpoint,
/// BERTweet's files and so on.
void require_model_directory(const std::filesystem::path& path, const std::string& part);

/// Where the weights are: model.safetensors or model.safetensors.index.json. Error(kModel) when there is
/// neither, with the way to convert what is there instead (pytorch_model.bin, tf_model.h5,
/// flax_model.msgpack, ...).
std::filesystem::path find_weights(const std::filesystem::path& directory);

}  // namespace roberta
