#pragma once
// Where the golden models lie, and directories put together from them: a head beside the encoder of
// tiny-roberta, which isn't stored twice.

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace roberta {

inline std::string golden_directory() { return ROBERTA_SOURCE_DIR "/tests/golden/tiny-roberta"; }
inline std::string heads_directory() { return ROBERTA_SOURCE_DIR "/tests/golden/heads"; }

inline void add_tensors(const SafetensorsReader& file, std::vector<TensorToWrite>& tensors) {
  for (const TensorInfo& info : file.tensors()) {
    if (info.name.starts_with("lm_head.")) continue;
    tensors.push_back(
        {info.name, info.dtype, info.shape,
         [&file, &info](uint64_t offset, std::span<std::byte> out) { file.read(info, offset, out); }});
  }
}

/// `kind`: sequence, tokens or spans. labels: names by index; empty: the config has none.
inline std::filesystem::path make_head_model(const std::filesystem::path& directory, const std::string& kind,
                                             const std::vector<std::string>& labels = {},
                                             const std::string& problem_type = "") {
  static const std::map<std::string, std::string> kArchitectures = {
      {"sequence", "RobertaForSequenceClassification"},
      {"tokens", "RobertaForTokenClassification"},
      {"spans", "RobertaForQuestionAnswering"}};
  const std::filesystem::path base = golden_directory();
  std::filesystem::create_directories(directory);
  nlohmann::json config = nlohmann::json::parse(std::ifstream(base / "config.json"));
  config["architectures"] = {kArchitectures.at(kind)};
  for (size_t i = 0; i < labels.size(); ++i) config["id2label"][std::to_string(i)] = labels[i];
  if (!problem_type.empty()) config["problem_type"] = problem_type;
  std::ofstream(directory / "config.json") << config.dump();
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy_file(base / name, directory / name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  const SafetensorsReader encoder(base / "model.safetensors"),
      head(heads_directory() + "/" + kind + ".safetensors");
  std::vector<TensorToWrite> tensors;
  add_tensors(encoder, tensors);
  add_tensors(head, tensors);
  write_safetensors(directory / "model.safetensors", tensors);
  return directory;
}

}  // namespace roberta
