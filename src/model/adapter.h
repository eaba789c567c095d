#pragma once
// A LoRA adapter as PEFT stores it: adapter_config.json and adapter_model.safetensors. W becomes W + scale *
// B A for each target; the head that was trained beside them is stored whole (modules_to_save).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/names.h"

namespace roberta {

/// Which linear maps of a layer: PEFT's names, "query", "key", "value", "attention.output.dense",
/// "intermediate.dense", "output.dense" (which, as in PEFT, means both of that ending), "dense".
/// Error(kUsage) for a name that fits none. Returns canonical names within a layer ("attention.self.query").
std::vector<std::string> lora_modules(std::span<const std::string> targets);

struct AdapterConfig {
  int64_t rank = 8;
  double alpha = 8;
  bool rank_stabilized = false;      ///< use_rslora: scale = alpha / sqrt(rank), else alpha / rank
  std::vector<std::string> targets;  ///< as given
  std::string base_model;            ///< base_model_name_or_path
  std::string base_sha256;           ///< of the base's weights; ours alone ("" of PEFT's files)
  std::string task_type;             ///< SEQ_CLS, TOKEN_CLS, QUESTION_ANS, ...
  double scale() const;
};
/// Whether the directory holds an adapter.
bool is_adapter(const std::filesystem::path& directory);
/// Error(kModel) names the field: kinds other than LoRA, and options that change the arithmetic and aren't
/// known here (use_dora, bias other than none, rank_pattern, fan_in_fan_out, ...), are refused.
AdapterConfig read_adapter_config(const std::filesystem::path& directory);
void write_adapter_config(const std::filesystem::path& directory, const AdapterConfig& config);

/// Opens adapter_model.safetensors; small enough to be held whole.
class Adapter {
 public:
  explicit Adapter(const std::filesystem::path& directory);
  ~Adapter();
  Adapter(Adapter&&) noexcept;

  const AdapterConfig& config() const;
  const std::filesystem::path& directory() const;
  /// The pair of a linear map by its canonical name ("encoder.layer.0.attention.self.query"); empty when it
  /// isn't adapted.
  struct Pair {
    std::span<const float> a;  ///< [rank, K]
    std::span<const float> b;  ///< [N, rank]
    int64_t n = 0, k = 0;
  };
  std::optional<Pair> find(const std::string& linear) const;
  /// A tensor of the saved head by its canonical name ("classifier.dense.weight"): shape and values.
  struct Saved {
    std::vector<int64_t> shape;
    std::span<const float> values;
  };
  std::optional<Saved> saved(const std::string& name) const;
  std::vector<std::string> saved_names() const;
  /// Error(kModel): "adapter for another base": sizes that don't fit the config, tensors of no known name,
  /// another base's hash.
  void require_fit(const RobertaConfig& config, const Checkpoint& base) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta
