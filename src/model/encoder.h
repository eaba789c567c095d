#pragma once
// The one forward: training, inference, and memory planning run this code.

#include <functional>
#include <span>

#include "model/batch.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// Called with 0 after the embeddings and i after layer i; x is [T, C].
using LayerVisitor = std::function<void(int64_t layer, const Hidden& x)>;

/// Rows whose last hidden state is wanted, ascending; the last layer then computes keys and values for all
/// rows and the rest for these only. nullptr: all rows.
using RowSelection = const std::vector<int32_t>*;

/// Returns the last hidden state, [T, C] or [rows->size(), C], in memory kept from the arena's bottom.
Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
               RowSelection rows = nullptr, const LayerVisitor& visit = {});

}  // namespace roberta
