#pragma once
#include "model/device_batch.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// What the backward pass reads.
struct EmbeddingsSaved {
  DeviceView sum, stats;  // [T, C], [T, 2]: of LayerNorm
};

/// What is embedded. Borrows.
struct EmbeddingRows {
  DeviceSpan<const int32_t> ids, positions;  // [T]
  DeviceSpan<const uint64_t> counters;       // of dropout; empty outside training
};

/// y = dropout(LN(word[id] + position[pos] + type[0])). `saved` is filled when given.
void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                const EmbeddingRows& rows, const Hidden& y, EmbeddingsSaved* saved = nullptr);

/// d: the gradient by y [T, C]; overwritten. The tables' gradients are always added to what is there.
void embeddings_grad(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                     const EmbeddingRows& rows, const EmbeddingsSaved& saved, const DeviceView& d,
                     const EmbeddingsGrads& grads);

}  // namespace roberta
