#pragma once
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// y = LN(x + down(gelu(up(x)))). Runs in tiles of rows, so that [rows, F] stays in cache.
void feed_forward(Pass& pass, const RobertaConfig& config, const FeedForwardParams& params, const Hidden& x,
                  const Hidden& y);

}  // namespace roberta
