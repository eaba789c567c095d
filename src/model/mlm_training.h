#pragma once
// Loss and gradients of masked language modelling over one micro-batch.

#include <functional>
#include <span>
#include <vector>

#include "model/batch.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// M masked tokens among T; M >= 1.
struct MlmBatch {
  Batch batch;
  std::vector<uint64_t> keys;    // [T]: sample << 32 | position in it, from 0: what dropout is drawn by
  std::vector<int32_t> rows;     // [M]: ascending
  std::vector<int32_t> targets;  // [M]

  /// Adds a masked sequence; `sample` is its number in the whole batch of the step.
  void add(std::span<const int32_t> ids, std::span<const int32_t> positions, std::span<const int32_t> labels,
           uint32_t sample, int32_t pad_id) {
    const int32_t start = batch.starts.back();
    batch.add(ids, pad_id);
    for (uint64_t i = 0; i < ids.size(); ++i) keys.push_back(uint64_t{sample} << 32 | i);
    for (int32_t position : positions) rows.push_back(start + position);
    targets.insert(targets.end(), labels.begin(), labels.end());
  }
};

/// Sum over the masked tokens of -log P(target). Forward only, without dropout.
double mlm_loss(Pass& pass, const RobertaConfig& config, const EncoderParams& encoder_params,
                const MlmHeadParams& head_params, const MlmBatch& batch);

struct MlmTraining {
  TrainingPass pass;
  float scale = 1;  ///< the gradients are those of scale * sum of losses
  /// Called as soon as gradients are final: with L for the head, L - 1 down to 0 for the layers, -1 for the
  /// embeddings. The decoder's gradient belongs to the embeddings when tied.
  std::function<void(int64_t part)> ready;
};

/// Returns the same sum, of the forward with dropout, and fills the gradients, or adds to them when
/// training.pass.accumulate. But for that, gradients of tables (position, type, and word when the decoder is
/// not tied) must be zero on entry. On a measuring arena nothing is read, and the result is 0.
double mlm_loss_and_grad(Pass& pass, const RobertaConfig& config, const EncoderParams& encoder_params,
                         const MlmHeadParams& head_params, const MlmBatch& batch, const MlmTraining& training,
                         const EncoderGrads& encoder_grads, const MlmHeadGrads& head_grads);

}  // namespace roberta
