#pragma once
// The weights of a Hugging Face directory under canonical names, whatever the file calls them: without the
// "roberta." prefix ("embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight",
// "lm_head.bias", "classifier.dense.weight"), with LayerNorm.gamma/beta read as weight/bias. Single file or
// sharded with an index.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace roberta {

/// What became of each tensor. Printed by `roberta info` and by -v.
struct LoadReport {
  std::vector<std::string> found;    ///< read into the model
  std::vector<std::string> ignored;  ///< known and not needed (position_ids, pooler of a masked LM, ...)
  std::vector<std::string> unknown;  ///< in the file, of no known name
  std::vector<std::string>
      tied;  ///< not stored, or stored twice: shares another tensor ("lm_head.decoder.weight")
  std::vector<std::string> missing;  ///< optional and not there (pooler, token_type of an old file)
};

class Checkpoint {
 public:
  struct Tensor {
    std::string name;       ///< canonical
    std::string file_name;  ///< as stored
    DType dtype;
    std::vector<int64_t> shape;
    int file;      ///< which shard
    size_t index;  ///< in that shard
  };

  /// Throws Error(kModel). pytorch_model.bin and the like are refused with a hint when no safetensors file is
  /// there.
  explicit Checkpoint(const std::filesystem::path& directory, bool strict_format = true);
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;

  const std::vector<Tensor>& tensors() const;
  const Tensor* find(std::string_view canonical_name) const;
  /// find(), or Error(kModel) "missing tensor"; checks that the shape is exactly this and the dtype F32, F16
  /// or BF16.
  const Tensor& require(std::string_view canonical_name, std::span<const int64_t> shape) const;
  /// Raw bytes of rows [begin, begin + count) of a tensor (a row is all dimensions but the first). Thread
  /// safe.
  void read_rows(const Tensor& tensor, int64_t begin, int64_t count, std::span<std::byte> out) const;
  uint64_t total_bytes() const;
  /// Asks the kernel to read all files ahead; returns at once.
  void will_need() const;
  const std::filesystem::path& file_path(const Tensor& tensor) const;
  const std::filesystem::path& directory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta
