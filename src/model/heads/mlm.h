#pragma once
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// LN(gelu(dense(x))): what the decoder multiplies. Returned in temporary memory.
Hidden mlm_transform(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x);

/// logits = mlm_transform(x) W_emb^T + bias; logits: [rows, V] fp32.
void mlm_head(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
              const View& logits);

}  // namespace roberta
