#pragma once
// A model directory of a few kilobytes: 2 layers, width 8, 11 words; every value is told by its place.

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "tests/temp_directory.h"

namespace roberta {

inline RobertaConfig small_config(HeadKind head = HeadKind::kMaskedLm) {
  RobertaConfig config;
  config.vocab_size = 11;
  config.hidden_size = 8;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 12;
  config.max_position_embeddings = 18;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  config.architectures = {architecture_of_head(head)};
  return config;
}

/// Element i of a tensor is i + (length of its canonical name) / 64.
inline float small_value(const std::string& canonical_name, uint64_t element) {
  return static_cast<float>(element) + static_cast<float>(canonical_name.size()) / 64;
}

inline TensorToWrite small_tensor(const std::string& canonical_name, const std::string& file_name,
                                  std::vector<int64_t> shape, DType dtype = DType::kF32) {
  const auto fill = [canonical_name, dtype](uint64_t offset, std::span<std::byte> out) {
    const auto width = static_cast<uint64_t>(size_of(dtype));
    for (uint64_t i = 0; i < out.size() / width; ++i) {
      const float value = small_value(canonical_name, offset / width + i);
      const uint16_t half = float_to_bf16(value);
      std::memcpy(out.data() + i * width, dtype == DType::kF32 ? static_cast<const void*>(&value) : &half,
                  width);
    }
  };
  return {file_name, dtype, std::move(shape), fill};
}

/// `rename` maps a canonical name to the stored one; "" leaves the tensor out.
inline std::vector<TensorToWrite> small_tensors(const RobertaConfig& config, HeadKind head,
                                                DType dtype = DType::kF32,
                                                std::function<std::string(std::string)> rename = nullptr) {
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, head)) {
    const std::string name = rename ? rename(spec.name) : file_name_of(spec.name, head);
    if (!name.empty()) tensors.push_back(small_tensor(spec.name, name, spec.shape, dtype));
  }
  return tensors;
}

}  // namespace roberta
