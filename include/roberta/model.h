#pragma once
// A RoBERTa model with its tokenizer, ready to run. docs/model.md describes the arithmetic.
//
//     roberta::Model model = roberta::Model::load("roberta-base", {.precision = roberta::Precision::kBF16});
//     const std::vector<roberta::Model::Ids> ids = {model.tokenizer().encode("Hello world").ids};
//     const roberta::Matrix states = model.hidden_states(ids, std::vector<int>{-1});  // [tokens, width]

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

enum class Precision : uint8_t { kF32, kBF16 };

struct ModelOptions {
  Precision precision =
      Precision::kF32;              ///< of weights and matrix products; sums, LayerNorm and softmax are fp32
  std::string device = "cpu";       ///< "cpu" or "ref" (plain loops, for checking)
  int threads = 0;                  ///< 0: all cores that this process may use
  int64_t max_batch_tokens = 4096;  ///< texts are run together up to this many tokens
  bool strict_format = true;  ///< reject safetensors files with duplicate keys or a first byte other than '{'
  /// LoRA adapter that is merged into the weights: a directory as PEFT writes it. A `directory` that is
  /// itself an adapter is loaded with its base (base_model_name_or_path, relative to the adapter or to the
  /// working directory).
  std::filesystem::path adapter;
};

/// What the directory contains.
struct ModelInfo {
  std::string architecture;  ///< "RobertaForMaskedLM", "RobertaModel", ...
  int64_t vocab_size, hidden_size, layers, heads, intermediate_size, max_length, type_vocab_size;
  double layer_norm_eps;
  int64_t parameters;  ///< tied tensors counted once
  bool has_mlm_head;
  std::string task;  ///< "fill-mask", "text-classification", "token-classification", "question-answering", ""
  std::vector<std::string> labels;  ///< by index, of classifiers
  std::string problem_type;         ///< of config.json: "regression", "multi_label_classification", ...
  std::string default_pooling;      ///< "cls", "mean" or "max": from 1_Pooling/config.json, else "mean"
  bool default_normalize;           ///< modules.json has a Normalize module
  std::string
      pooling_problem;  ///< why the directory's own pooling can't be used (an unknown module); else empty
};

/// A row-major float matrix that owns its memory.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<float> data;
  std::span<const float> row(int64_t r) const { return {data.data() + r * cols, static_cast<size_t>(cols)}; }
  std::span<float> row(int64_t r) { return {data.data() + r * cols, static_cast<size_t>(cols)}; }
};

/// A token of one of the sequences; positions count the leading <s>.
struct TokenPosition {
  int32_t sequence;
  int32_t token;
};

/// A token for a position, and its probability among all tokens.
struct TokenCandidate {
  int32_t token;
  float probability;
};

/// Not thread-safe: one call at a time (for many threads see shared_model.h). In fp32 results do not depend
/// on the other texts of the call or on the number of threads: not a bit changes.
class Model {
 public:
  /// Throws Error(kModel) naming file, field or tensor.
  static Model load(const std::filesystem::path& directory, const ModelOptions& options = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelInfo& info() const;
  const Tokenizer& tokenizer() const;  ///< Error(kModel) when the directory has none
  bool has_tokenizer() const;
  /// One line per group of the load report: found, tied, ignored, missing, unknown.
  std::string load_report() const;
  /// "cpu avx512_bf16, 2 threads"
  std::string device() const;
  int64_t max_batch_tokens() const;
  int threads() const;

  using Ids = std::vector<int32_t>;
  /// Vocabulary logits [positions.size(), V] at the given tokens. Error(kInput) names a sequence that is too
  /// long, empty or has an id outside the vocabulary; Error(kModel) when the model has no MLM head.
  Matrix mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  /// Of each position the `top` most probable tokens, best first, ties by lower token id; without holding
  /// [positions, V].
  std::vector<std::vector<TokenCandidate>> mlm_candidates(std::span<const Ids> sequences,
                                                          std::span<const TokenPosition> positions,
                                                          int64_t top);
  /// log P(target | rest) at the given tokens, without holding [positions, V].
  std::vector<float> mlm_log_probs(std::span<const Ids> sequences, std::span<const TokenPosition> positions,
                                   std::span<const int32_t> targets);
  /// Hidden states [total tokens, C] of one layer: 0 = embeddings after LayerNorm, L = last; -1 = L, -2 =
  /// L-1, ... Several layers: columns of each follow one another, [total tokens, C * layers.size()].
  Matrix hidden_states(std::span<const Ids> sequences, std::span<const int> layers);
  /// Last hidden state of each sequence's first token, [sequences.size(), C]: cheaper than the above.
  Matrix first_token_states(std::span<const Ids> sequences);

  /// Logits of classifiers: [sequences, labels]; [positions, labels]; [tokens of all, 2].
  Matrix sequence_logits(std::span<const Ids> sequences);
  Matrix token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  Matrix span_logits(std::span<const Ids> sequences);

 private:
  friend class SharedModel;
  friend struct ModelAccess;  // for the library itself
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta
