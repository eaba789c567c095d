#pragma once
// The one forward: training, inference, and memory planning run this code. The backward pass is beside it.

#include <functional>
#include "model/device_batch.h"
#include "model/layers/attention.h"
#include "model/layers/embeddings.h"
#include "model/layers/feed_forward.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// Called with 0 after the embeddings and i after layer i; x is [T, C].
using LayerVisitor = std::function<void(int64_t layer, const Hidden& x)>;

/// What the backward pass reads; all of it lies in memory kept from the arena's bottom.
struct EncoderSaved {
  struct Layer {
    Hidden x_q, x;  // inputs, whole only when activations are recomputed
    AttentionSaved attention;
    FeedForwardSaved feed_forward;
  };
  /// The last block of the backward pass: -1 the embeddings, or a layer. Set by the caller; below it nothing
  /// is kept.
  int64_t first_trainable_block = -1;
  EmbeddingsSaved embeddings;
  std::vector<Layer> layers;
};

/// Returns the last hidden state, [T, C] or of the selected rows alone, in memory kept from the arena's
/// bottom. The last layer then computes keys and values for all rows and the rest for these only. For
/// training `saved` is filled.
Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const DeviceBatch& batch,
               const LayerVisitor& visit = {}, EncoderSaved* saved = nullptr);

/// Down to saved.first_trainable_block. d: the gradient by the last hidden state; overwritten. `ready`, if
/// any, is called as soon as gradients are final: with L - 1 down to 0 for the layers, -1 for the embeddings.
void encoder_grad(Pass& pass, const RobertaConfig& config, const EncoderParams& params,
                  const DeviceBatch& batch, const EncoderSaved& saved, const DeviceView& d,
                  const EncoderGrads& grads, const std::function<void(int64_t layer)>& ready = {});

}  // namespace roberta
