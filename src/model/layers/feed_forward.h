#pragma once
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// What the backward pass reads.
struct FeedForwardSaved {
  DeviceView x;           // [T, C]: the input, as it entered the GEMM
  DeviceView pre, inner;  // [T, F]: before and after GELU
  DeviceView sum, stats;  // [T, C], [T, 2]: of LayerNorm
};

/// y = LN(x + dropout(down(gelu(up(x))))). Runs in tiles of rows, so that [rows, F] stays in cache. keys:
/// dropout counters of the rows; empty outside training. `saved` is filled when given.
void feed_forward(Pass& pass, const RobertaConfig& config, const FeedForwardParams& params, int64_t layer,
                  DeviceSpan<const uint64_t> counters, const Hidden& x, const Hidden& y,
                  FeedForwardSaved* saved = nullptr);

/// d: on entry the gradient by y [T, C], on return by x.
void feed_forward_grad(Pass& pass, const FeedForwardParams& params, int64_t layer,
                       DeviceSpan<const uint64_t> counters, const FeedForwardSaved& saved,
                       const DeviceView& d, const FeedForwardGrads& grads);

}  // namespace roberta
