#pragma once
#include <span>

#include "model/batch.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// What the backward pass reads.
struct EmbeddingsSaved {
  View sum, stats;  // [T, C], [T, 2]: of LayerNorm
};

/// y = dropout(LN(word[id] + position[pos] + type[0])). counters: dropout counters of the rows; empty outside
/// training. `saved` is filled when given.
void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params, const Batch& batch,
                std::span<const uint64_t> counters, const Hidden& y, EmbeddingsSaved* saved = nullptr);

/// d: the gradient by y [T, C]; overwritten. The tables' gradients are always added to what is there.
void embeddings_grad(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                     const Batch& batch, std::span<const uint64_t> counters, const EmbeddingsSaved& saved,
                     const View& d, const EmbeddingsGrads& grads);

}  // namespace roberta
