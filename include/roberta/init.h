#pragma once
// A new model: a Hugging Face directory with random weights, ready for training, trials and measurements.
//
//     roberta::InitOptions options;
//     options.tokenizer = "my-tokenizer";
//     options.hidden_size = 256;
//     options.num_hidden_layers = 4;
//     roberta::init_model("my-model", options);

#include <cstdint>
#include <filesystem>

#include "roberta/model.h"

namespace roberta {

/// Sizes of an untrained model; the defaults are those of roberta-base.
struct ModelSizes {
  int64_t vocab_size = 0;  ///< 0: as many as the tokenizer has; more are allowed (rows without a token)
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 0;        ///< 0: as many as divide the width into 64 or more each
  int64_t intermediate_size = 0;          ///< 0: 4 times the width
  int64_t max_position_embeddings = 514;  ///< longest text in tokens + id of <pad> + 1
  int64_t type_vocab_size = 1;
  double layer_norm_eps = 1e-5;
  double initializer_range = 0.02;  ///< standard deviation of the weights
  /// Above 0: the position table starts as sines and cosines (Vaswani et al., 2017) of this root mean square
  /// instead of random numbers. They are trained like the rest, but attention learns sooner which tokens are
  /// near.
  double sinusoidal_positions = 0;
};

struct InitOptions : ModelSizes {
  /// Directory whose tokenizer files are copied; the ids of <s>, <pad> and </s> come from it. Empty: none.
  std::filesystem::path tokenizer;
  uint64_t seed = 0;
  Precision precision = Precision::kF32;  ///< as the file stores them
  int threads = 0;                        ///< 0: all cores; the result does not depend on it
};

/// Writes a RobertaForMaskedLM: weights from N(0, initializer_range), rows of <pad> 0, biases 0, LayerNorm 1
/// and 0, the decoder tied. The same options give the same bytes on every machine. `output` appears whole or
/// not at all; it must not exist or be an empty directory. Error(kUsage) for sizes that contradict one
/// another and for an `output` that is in use, Error(kModel) for the tokenizer, Error(kResource) when it
/// can't be written.
void init_model(const std::filesystem::path& output, const InitOptions& options);

}  // namespace roberta
