#pragma once
// A realistic model directory: a tokenizer trained on a few sentences and two layers of small random weights.

#include <cstring>
#include <string>

#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "roberta/tokenizer.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {

inline const char kCorpus[] =
    "the cat sat on the mat\nthe dog sat on the log\na cat and a dog sat together\nthe cat saw the dog and "
    "the log\n"
    "Paris is the capital of France\nBerlin is the capital of Germany\nRome is the capital of Italy\n";

/// Small pseudo-random values, the same on every machine.
inline float scrambled(uint64_t seed) {
  seed = (seed + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>(static_cast<double>(seed >> 11) / 9007199254740992.0 - 0.5);
}

inline TensorToWrite random_tensor(const std::string& name, const std::vector<int64_t>& shape,
                                   uint64_t seed) {
  bool scale = name.find("LayerNorm.weight") != std::string::npos ||
               name.find("layer_norm.weight") != std::string::npos;
  auto fill = [seed, scale](uint64_t offset, std::span<std::byte> out) {
    for (uint64_t i = 0; i < out.size() / 4; ++i) {
      float value = scrambled(seed * 1000003 + offset / 4 + i) + (scale ? 1.0f : 0.0f);
      std::memcpy(out.data() + i * 4, &value, 4);
    }
  };
  return {name, DType::kF32, shape, fill};
}

/// Trains the tokenizer with the program; returns its directory.
inline std::string make_tokenizer(const Scratch& scratch, const std::string& name = "tokenizer") {
  std::string directory = scratch.path(name);
  run({"train-tokenizer", "-q", "--vocab-size", "300", "--output", directory}, kCorpus);
  return directory;
}

/// A model for texts of up to 30 tokens.
inline std::string make_model(const Scratch& scratch, const std::string& name = "model") {
  std::string directory = make_tokenizer(scratch, name);
  RobertaConfig config;
  config.vocab_size = Tokenizer::from_directory(directory).vocab_size();
  config.hidden_size = 16;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 24;
  config.max_position_embeddings = 32;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  config.architectures = {"RobertaForMaskedLM"};
  write_config(directory, config);
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, HeadKind::kMaskedLm))
    tensors.push_back(
        random_tensor(file_name_of(spec.name, HeadKind::kMaskedLm), spec.shape, tensors.size()));
  write_sharded_safetensors(directory, tensors);
  return directory;
}

}  // namespace roberta::cli_test
