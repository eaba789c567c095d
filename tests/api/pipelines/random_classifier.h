#pragma once
// A model with a head for a task, of random weights large enough that its answers differ.

#include <cstring>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "roberta/model.h"
#include "tests/data/small_tokenizer.h"

namespace roberta {

/// The same on every machine.
inline float scrambled_value(uint64_t seed) {
  seed = (seed + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>(static_cast<double>(seed >> 11) / 9007199254740992.0 - 0.5);
}

/// Writes DIRECTORY/NAME: two layers of 16, up to `max_length` tokens.
inline std::filesystem::path make_classifier(const TempDirectory& scratch, const std::string& name,
                                             HeadKind head, const std::vector<std::string>& labels,
                                             const std::string& problem_type = "", int64_t max_length = 62) {
  const std::filesystem::path directory = scratch / name;
  std::filesystem::create_directories(directory);
  const Tokenizer tokenizer = small_tokenizer(scratch);
  tokenizer.save(directory);
  RobertaConfig config;
  config.vocab_size = tokenizer.vocab_size();
  config.hidden_size = 16;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 24;
  config.max_position_embeddings = max_length + 2;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  config.problem_type = problem_type;
  config.architectures = {architecture_of_head(head)};
  for (size_t i = 0; i < labels.size(); ++i) config.id2label[static_cast<int64_t>(i)] = labels[i];
  write_config(directory, config);
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, head)) {
    const uint64_t seed = tensors.size() * 1000003;
    const float base = spec.name.find("orm.weight") != std::string::npos ? 1 : 0;
    tensors.push_back({file_name_of(spec.name, head), DType::kF32, spec.shape,
                       [seed, base](uint64_t offset, std::span<std::byte> out) {
                         for (uint64_t i = 0; i < out.size() / 4; ++i) {
                           const float value = base + 2 * scrambled_value(seed + offset / 4 + i);
                           std::memcpy(out.data() + i * 4, &value, 4);
                         }
                       }});
  }
  write_sharded_safetensors(directory, tensors);
  return directory;
}

}  // namespace roberta
