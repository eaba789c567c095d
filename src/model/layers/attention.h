#pragma once
#include <span>

#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// Which rows attend to which. Borrows.
struct AttentionRows {
  DeviceSpan<const int32_t> q_starts;   // [B + 1], of the rows that ask
  DeviceSpan<const int32_t> starts;     // [B + 1], of all rows
  int64_t max_length;                   // of any sequence
  DeviceSpan<const uint64_t> counters;  // [Tq]: dropout counters of the rows that ask; empty outside training
  // Where many rows of x are equal: these once, and which of them each row is. Queries, keys and values are
  // then made once for each; x itself is read as the residual alone.
  DeviceView distinct = {};          // [U, C], empty: each row for itself
  DeviceSpan<const int32_t> copies;  // [T]
};

/// What the backward pass reads.
struct AttentionSaved {
  DeviceView x_q, x;      // [Tq, C], [T, C]: the inputs, as they entered the GEMMs
  DeviceView q, kv;       // [Tq, C], [T, 2C]
  DeviceView context;     // [Tq, C]
  DeviceView lse;         // [Tq, H]
  DeviceView sum, stats;  // [Tq, C], [Tq, 2]: of LayerNorm
};

/// y = LN(x_q + dropout(dense(dropout(softmax(q k^T / sqrt(D))) v))), q from x_q and k, v from x.
/// x_q is x itself, or some rows of it when only their results are wanted. `saved` is filled when given.
void attention(Pass& pass, const RobertaConfig& config, const AttentionParams& params, int64_t layer,
               const AttentionRows& rows, const Hidden& x_q, const Hidden& x, const Hidden& y,
               AttentionSaved* saved = nullptr);

/// d: on entry the gradient by y [Tq, C], on return by x_q. dx: [T, C], out, the gradient by x where that is
/// another matrix; empty: x_q is x, and d holds their sum. Without `by_input` neither is computed.
void attention_grad(Pass& pass, const RobertaConfig& config, const AttentionParams& params, int64_t layer,
                    const AttentionRows& rows, const AttentionSaved& saved, const DeviceView& d,
                    const DeviceView& dx, const AttentionGrads& grads, bool by_input = true);

}  // namespace roberta
