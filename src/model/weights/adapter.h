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

#include "core/dtype.h"
#include "model/config.h"
#include "model/names.h"

namespace roberta {

/// Which linear maps of a layer: PEFT's names, "query", "key", "value", "attention.output.dense",
/// "intermediate.dense", "output.dense" (which, as in PEFT, means both of that ending), "dense",
/// "all-linear". Error(kUsage) for a name that fits none. Returns canonical names within a layer
/// ("attention.self.query"), each once, in the order of the layer.
std::vector<std::string> lora_modules(std::span<const std::string> targets);

struct AdapterConfig {
  int64_t rank = 8;
  double alpha = 8;
  bool rank_stabilized = false;      ///< use_rslora: scale = alpha / sqrt(rank), else alpha / rank
  std::vector<std::string> targets;  ///< as given
  std::string base_model;            ///< base_model_name_or_path
  /// encoder_fingerprint() of the base; ours alone ("" of PEFT's files). Stands in the metadata of
  /// adapter_model.safetensors, where PEFT doesn't look.
  std::string base_fingerprint;
  std::string task_type;  ///< SEQ_CLS, TOKEN_CLS, QUESTION_ANS, ...
  double scale() const;
};
/// Whether the directory holds an adapter (and no model of its own).
bool is_adapter(const std::filesystem::path& directory);
/// Error(kModel) names the field: kinds other than LoRA, and options that change the arithmetic and aren't
/// known here (use_dora, bias other than none, rank_pattern, fan_in_fan_out, ...), are refused.
AdapterConfig read_adapter_config(const std::filesystem::path& directory);
void write_adapter_config(const std::filesystem::path& directory, const AdapterConfig& config);

/// A tensor to store: "encoder.layer.0.attention.self.query.lora_A.weight" [rank, K], "....lora_B.weight"
/// [N, rank], "classifier.dense.weight". Borrows.
struct AdapterTensor {
  std::string name;  ///< canonical
  std::vector<int64_t> shape;
  std::span<const float> values;
};
/// Writes adapter_model.safetensors (fp32), names as PEFT has them for a model with that head.
void write_adapter_weights(const std::filesystem::path& directory, const AdapterConfig& config, HeadKind head,
                           std::span<const AdapterTensor> tensors);

/// Tells encoders apart: a hash of name, shape and first bytes of each of the encoder's tensors. The same for
/// all models with that encoder, whatever their heads.
std::string encoder_fingerprint(const Checkpoint& checkpoint);

/// Opens adapter_model.safetensors; small enough to be held whole.
class Adapter {
 public:
  explicit Adapter(const std::filesystem::path& directory);
  ~Adapter();
  Adapter(Adapter&&) noexcept;

  const AdapterConfig& config() const;
  const std::filesystem::path& directory() const;
  /// What the adapted model is for: by task_type, else by the saved tensors; kNone: they don't say, so what
  /// the base is for.
  HeadKind head() const;
  /// The pair of a linear map by its canonical name ("encoder.layer.0.attention.self.query"); empty when it
  /// isn't adapted.
  struct Pair {
    std::span<const float> a;  ///< [rank, K]
    std::span<const float> b;  ///< [N, rank]
    int64_t n = 0, k = 0;
  };
  std::optional<Pair> find(const std::string& linear) const;
  /// Adds scale * B A to rows [begin, begin + rows.rows) of the map's weight. rows: [.., K] fp32. Thread
  /// safe.
  void add_rows(const Pair& pair, int64_t begin, const View& rows) const;
  /// A tensor of the saved head by its canonical name ("classifier.dense.weight"): shape and values.
  struct Saved {
    std::vector<int64_t> shape;
    std::span<const float> values;
  };
  std::optional<Saved> saved(const std::string& name) const;
  std::vector<std::string> saved_names() const;
  /// The config of base and adapter together: architecture and labels. Names of labels come from a
  /// config.json beside the adapter (PEFT writes none), else from the base when it has as many, else they are
  /// "LABEL_0", ...
  RobertaConfig adapted(const RobertaConfig& base) const;
  /// Error(kModel): "adapter for another base": sizes that don't fit the config (that of adapted()), tensors
  /// of no known name, another base's fingerprint.
  void require_fit(const RobertaConfig& config, const Checkpoint& base) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Where the adapter's base lies: base_model_name_or_path, relative to the adapter or to the working
/// directory. Error(kModel) when there is none.
std::filesystem::path find_adapter_base(const std::filesystem::path& adapter);

}  // namespace roberta
