#pragma once
#include <span>

#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// y = LN(x_q + dense(softmax(q k^T / sqrt(D)) v)), q from x_q and k, v from x.
/// x_q is x itself, or some rows of it when only their results are wanted; q_starts then says whose they are.
void attention(Pass& pass, const RobertaConfig& config, const AttentionParams& params, const Hidden& x_q,
               std::span<const int32_t> q_starts, const Hidden& x, std::span<const int32_t> starts,
               const Hidden& y);

}  // namespace roberta
