#pragma once
// The training copy of a model: fp32 values, gradients and Adam's two moments, each one flat block of the
// same layout; and the weights packed from the values, in the dtype of the GEMMs, that forward and backward
// read.
//
// The layout goes by the tensors of model/names.h in their order: embeddings, layers, head. Keys and values
// of a layer stand together, so that [2C, C] is one matrix. A part (see `part`) is one span, which makes the
// gradients of a layer one message. Parameters that aren't trained have no gradient and no moments: those
// blocks hold the trained entries alone, in the same order.
//
// LoRA: a target W is frozen and gets two trained entries, A [r, K] and B [N, r]. What is packed is W + scale
// B A, so forward and backward know nothing of it; the gradients of A and B come from W's, by
// adapter_gradients().

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "device/device.h"
#include "model/adapter.h"
#include "model/checkpoint.h"
#include "model/names.h"
#include "model/objective.h"
#include "model/params.h"

namespace roberta {

/// One tensor of the blocks.
struct ParameterEntry {
  TensorSpec spec;     ///< canonical name and shape
  uint64_t number;     ///< place in expected_tensors()
  int64_t offset;      ///< of its first element in the values
  int64_t rows, cols;  ///< cols = 1 of a vector
  bool decays;         ///< neither a bias nor of a LayerNorm
  bool trained = true;
  int64_t trained_offset = 0;  ///< in the gradients and moments
  int64_t part = 0;            ///< see range_of
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
  /// All zero. `matrix`: dtype of the packed weights, F32 or BF16.
  Parameters(const RobertaConfig& config, Device& device, DType matrix, const Trained& trained = {});
  Parameters(const Parameters&) = delete;

  /// Values of an untrained model: those of init_model with the same seed.
  void initialize(uint64_t seed);
  /// Values of a checkpoint. Its head counts when it is the same (and has as many labels); otherwise the
  /// head's values stay, and `fresh_head()` is then true. Error(kModel) names the tensor that is missing or
  /// does not fit.
  void load(const Checkpoint& checkpoint);
  bool fresh_head() const { return fresh_head_; }
  /// Untrained values of the head (N(0, initializer_range), biases 0) and of adapters (A Kaiming-uniform as
  /// PEFT, B 0).
  void initialize_head(uint64_t seed);
  /// From the gradients of the adapted weights to those of A and B. After the last micro-batch, before the
  /// sums.
  void adapter_gradients();
  /// The lowest part with trained entries: ObjectiveTraining::lowest.
  int64_t lowest_trained_part() const;
  /// Packs the weights from the values: after every change of them.
  void pack();

  const RobertaConfig& config() const { return config_; }
  Device& device() const { return device_; }
  DType matrix() const { return matrix_; }
  const std::vector<ParameterEntry>& entries() const { return entries_; }
  int64_t count() const;  ///< parameters
  int64_t trained_count() const;
  int64_t size() const {
    return size_;
  }  ///< floats of a block: parameters and the gaps between them, which are 0

  std::span<float> values() const { return floats(values_); }
  std::span<float> gradients() const { return floats(gradients_); }
  std::span<float> first_moments() const { return floats(first_moments_); }
  std::span<float> second_moments() const { return floats(second_moments_); }
  size_t packed_bytes() const { return packed_.bytes(); }

  /// Elements [begin, end) of a part in the gradients: -1 the embeddings, 0 .. L - 1 the layers, L the head.
  std::pair<int64_t, int64_t> range_of(int64_t part) const {
    return {part_begins_[static_cast<size_t>(part + 1)], part_begins_[static_cast<size_t>(part + 2)]};
  }

  EncoderParams encoder;
  HeadParams head;
  EncoderGrads encoder_grads;
  HeadGrads head_grads;

 private:
  struct PackedWeight {
    View source;
    Weight w, transposed;
  };
  class Binder;
  void lay_out();
  std::span<float> floats(const Buffer& block) const {
    return {static_cast<float*>(block.data()), static_cast<size_t>(size_)};
  }

  RobertaConfig config_;
  Device& device_;
  DType matrix_;
  std::vector<ParameterEntry> entries_;
  std::vector<int64_t> part_begins_;  // [L + 3]: of part p at p + 1, and the end
  int64_t size_ = 0;
  bool fresh_head_ = false;
  Buffer values_, gradients_, first_moments_, second_moments_, packed_;
  std::vector<PackedWeight> packed_weights_;
};

}  // namespace roberta
