#pragma once
// The training copy of a model: fp32 master weights, gradients and Adam's two moments, each one flat block of
// the same layout; and the weights packed from the master weights, in the dtype of the GEMMs, that forward
// and backward read.
//
// The layout goes by the tensors of model/names.h in their order: embeddings, layers, head. Keys and values
// of a layer stand together, so that [2C, C] is one matrix. A block (see `block`) is one span, which makes
// the gradients of a layer one message. Parameters that aren't trained have no gradient and no moments: those
// blocks hold the trained entries alone, in the same order.
//
// LoRA: a target W is frozen and gets two trained entries, A [r, K] and B [N, r]. What is packed is W + scale
// B A, so forward and backward know nothing of it; the gradients of A and B come from W's, by
// adapter_gradients().

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device/device.h"
#include "model/names.h"
#include "model/objective.h"
#include "model/params.h"
#include "model/weights/adapter.h"
#include "model/weights/checkpoint.h"
#include "model/weights/load.h"
#include "train/adapter_products.h"

namespace roberta {

/// One tensor of the blocks.
struct ParameterEntry {
  TensorSpec spec;     ///< canonical name and shape
  uint64_t number;     ///< place in expected_tensors(); of A and B behind all of those
  int64_t offset = 0;  ///< of its first element in the master weights
  int64_t rows, cols;  ///< cols = 1 of a vector
  int64_t block = 0;   ///< see range_of
  bool decays = true;  ///< neither a bias nor of a LayerNorm
  bool trained = true;
  bool adapter = false;        ///< A or B
  int64_t trained_offset = 0;  ///< in the gradients and moments
  int64_t count() const { return rows * cols; }
};

/// What of a model is trained.
struct Trained {
  HeadKind head = HeadKind::kMaskedLm;
  bool encoder = true;                ///< false: the head alone
  std::optional<AdapterConfig> lora;  ///< then the encoder is frozen but for its adapters
};

/// Not movable: views point into it.
class Parameters {
 public:
  /// All zero. `compute_dtype`: dtype of the packed weights, F32 or BF16. Error(kUsage) for a head that can't
  /// be trained.
  Parameters(const RobertaConfig& config, Device& device, DType compute_dtype, const Trained& trained = {});
  Parameters(const Parameters&) = delete;

  /// Values of an untrained model: those of init_model with the same seed. Adapters as initialize_head().
  void initialize(uint64_t seed);
  /// Untrained values of the head (N(0, initializer_range), biases 0) and of adapters (A Kaiming-uniform as
  /// PEFT, B 0). To be called before load(), which replaces the head when the checkpoint has it.
  void initialize_head(uint64_t seed);
  /// Values of a checkpoint. A classifier's head counts when it is the same and has as many labels; otherwise
  /// the head's stay, and `fresh_head()` is then true. Error(kModel) names the tensor that is missing
  /// or does not fit.
  void load(const Checkpoint& checkpoint);
  bool fresh_head() const { return fresh_head_; }
  /// Packs all weights from the master weights; to be called after every change of them.
  void pack();
  /// The same where only trained weights have changed.
  void pack_trained();
  /// From the gradients of the adapted weights to those of A and B. After the last micro-batch, before the
  /// sums. Nothing without adapters.
  void adapter_gradients();

  const RobertaConfig& config() const { return config_; }
  Device& device() const { return device_; }
  DType compute_dtype() const { return compute_dtype_; }
  const Trained& trained() const { return trained_; }
  const std::vector<ParameterEntry>& entries() const { return entries_; }
  const ParameterEntry* find(std::string_view name) const;  ///< by canonical name
  int64_t count() const;                                    ///< parameters
  int64_t trained_count() const;
  bool all_trained() const { return trained_.encoder && !trained_.lora; }
  /// The first block with trained entries: ObjectiveTraining::first_trainable_block.
  int64_t first_trainable_block() const { return first_trainable_block_; }
  /// Floats of the master weights, and of the gradients and moments: parameters and the gaps between them,
  /// which are 0.
  int64_t size() const { return size_; }
  int64_t trained_size() const { return trained_size_; }

  // In device memory.
  DeviceSpan<float> master_weights() const { return master_weights_.span<float>(0, size_); }
  DeviceSpan<float> gradients() const { return gradients_.span<float>(0, trained_size_); }
  DeviceSpan<float> first_moments() const { return first_moments_.span<float>(0, trained_size_); }
  DeviceSpan<float> second_moments() const { return second_moments_.span<float>(0, trained_size_); }
  DeviceSpan<float> master_weights(const ParameterEntry& entry) const {
    return master_weights().subspan(entry.offset, entry.count());
  }
  size_t packed_bytes() const { return packed_.bytes(); }

  /// Elements [begin, end) of a block in the gradients: -1 the embeddings, 0 .. L - 1 the layers, L the head.
  std::pair<int64_t, int64_t> range_of(int64_t block) const {
    return {block_begins_[static_cast<size_t>(block + 1)], block_begins_[static_cast<size_t>(block + 2)]};
  }
  /// The packed weights as inference takes them; they borrow, and follow every pack().
  ModelParams borrowed() const;

  EncoderParams encoder;
  HeadParams head;
  EncoderGrads encoder_grads;
  HeadGrads head_grads;

 private:
  struct PackedWeight {
    DeviceView source;
    Weight w, transposed;
    bool trained;                       // its master weights change
    size_t adapted_begin, adapted_end;  // of adapted_
  };
  class Binder;
  void lay_out();
  void bind();
  void initialize_adapter(const ParameterEntry& entry, uint64_t seed);
  void pack(const PackedWeight& weight);

  RobertaConfig config_;
  Device& device_;
  DType compute_dtype_;
  Trained trained_;
  std::vector<ParameterEntry> entries_;
  std::vector<int64_t> block_begins_;  // [L + 3]: of block b at b + 1, and the end
  int64_t size_ = 0, trained_size_ = 0, first_trainable_block_ = 0;
  bool fresh_head_ = false;
  Buffer master_weights_, gradients_, first_moments_, second_moments_, packed_;
  std::vector<PackedWeight> packed_weights_;
  // Of LoRA: the adapted weights, their gradients, and one composed weight before it is packed.
  std::vector<AdaptedWeight> adapted_;
  std::optional<AdapterProducts> products_;
  Buffer adapted_gradients_, composed_;
};

}  // namespace roberta
