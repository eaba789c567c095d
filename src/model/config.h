#pragma once
// config.json of a RoBERTa directory. Defaults of absent fields are those of transformers' RobertaConfig
// class (512 positions, 2 token types, eps 1e-12), not those of roberta-base.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

struct RobertaConfig {
  int64_t vocab_size = 50265;             // V
  int64_t hidden_size = 768;              // C
  int64_t num_hidden_layers = 12;         // L
  int64_t num_attention_heads = 12;       // H; head width D = C / H
  int64_t intermediate_size = 3072;       // F
  int64_t max_position_embeddings = 512;  // P; longest input = P - pad_token_id - 1
  int64_t type_vocab_size = 2;
  double layer_norm_eps = 1e-12;
  double hidden_dropout_prob = 0.1, attention_probs_dropout_prob = 0.1;
  std::optional<double> classifier_dropout;
  double initializer_range = 0.02;
  double sinusoidal_positions = 0;  // of untrained values alone (model/initialize.h); not in config.json
  int32_t bos_token_id = 0, pad_token_id = 1, eos_token_id = 2;
  bool tie_word_embeddings = true;
  std::vector<std::string> architectures;
  std::map<int64_t, std::string> id2label;  ///< empty when the file has none
  std::string problem_type;  ///< "", regression, single_label_classification, multi_label_classification
  std::string torch_dtype;   ///< "dtype" or "torch_dtype" of the file, "" when absent

  int64_t head_width() const { return hidden_size / num_attention_heads; }
  /// Longest input in tokens, specials counted: positions start at pad_token_id + 1.
  int64_t max_length() const { return max_position_embeddings - pad_token_id - 1; }
};

/// Throws Error(kModel) that names the file and the field. Other architectures (xlm-roberta, camembert,
/// BERTweet, bert,
/// ...) are refused by name with a hint. Unknown fields are ignored; fields that change the arithmetic and
/// are not supported (hidden_act other than gelu, position_embedding_type other than absolute, is_decoder)
/// are refused.
RobertaConfig read_config(const std::filesystem::path& directory);
RobertaConfig parse_config(const std::string& json, const std::string& file_name);
/// As transformers writes it. `architecture`: "RobertaForMaskedLM", ...
void write_config(const std::filesystem::path& directory, const RobertaConfig& config);

/// The names of labels without names, as in transformers: "LABEL_0", "LABEL_1", ...
std::string default_label(int64_t index);
std::map<int64_t, std::string> default_labels(int64_t count);
bool is_default_label(std::string_view label);

}  // namespace roberta
