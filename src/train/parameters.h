#pragma once
// The training copy of a model: fp32 values, gradients and Adam's two moments, each one flat block of the
// same layout; and the weights packed from the values, in the dtype of the GEMMs, that forward and backward
// read.
//
// The layout goes by the tensors of model/names.h in their order: embeddings, layers, head. Keys and values
// of a layer stand together, so that [2C, C] is one matrix. A part (see `part`) is one span, which makes the
// gradients of a layer one message.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "device/device.h"
#include "model/checkpoint.h"
#include "model/names.h"
#include "model/params.h"

namespace roberta {

/// One tensor of the blocks.
struct ParameterEntry {
  TensorSpec spec;     ///< canonical name and shape
  uint64_t number;     ///< place in expected_tensors()
  int64_t offset;      ///< of its first element in the blocks
  int64_t rows, cols;  ///< cols = 1 of a vector
  bool decays;         ///< neither a bias nor of a LayerNorm
  int64_t count() const { return rows * cols; }
};

/// Not movable: views point into it.
class Parameters {
 public:
  /// All zero. `matrix`: dtype of the packed weights, F32 or BF16.
  Parameters(const RobertaConfig& config, Device& device, DType matrix);
  Parameters(const Parameters&) = delete;

  /// Values of an untrained model: those of init_model with the same seed.
  void initialize(uint64_t seed);
  /// Values of a masked LM. Error(kModel) names the tensor that is missing or does not fit.
  void load(const Checkpoint& checkpoint);
  /// Packs the weights from the values: after every change of them.
  void pack();

  const RobertaConfig& config() const { return config_; }
  Device& device() const { return device_; }
  DType matrix() const { return matrix_; }
  const std::vector<ParameterEntry>& entries() const { return entries_; }
  int64_t count() const;  ///< parameters
  int64_t size() const {
    return size_;
  }  ///< floats of a block: parameters and the gaps between them, which are 0

  std::span<float> values() const { return floats(values_); }
  std::span<float> gradients() const { return floats(gradients_); }
  std::span<float> first_moments() const { return floats(first_moments_); }
  std::span<float> second_moments() const { return floats(second_moments_); }
  size_t packed_bytes() const { return packed_.bytes(); }

  /// Elements [begin, end) of a part in the blocks: -1 the embeddings, 0 .. L - 1 the layers, L the head.
  std::pair<int64_t, int64_t> range_of(int64_t part) const {
    return {part_begins_[static_cast<size_t>(part + 1)], part_begins_[static_cast<size_t>(part + 2)]};
  }

  EncoderParams encoder;
  MlmHeadParams head;
  EncoderGrads encoder_grads;
  MlmHeadGrads head_grads;

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
  Buffer values_, gradients_, first_moments_, second_moments_, packed_;
  std::vector<PackedWeight> packed_weights_;
};

}  // namespace roberta
