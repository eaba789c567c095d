#pragma once
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// What the backward pass reads.
struct MlmHeadSaved {
  DeviceView x;                 // [M, C]: the input, as it entered the GEMM
  DeviceView pre, gelu, stats;  // [M, C], [M, C], [M, 2]: before and after GELU; of LayerNorm
};

/// LN(gelu(dense(x))): what the decoder multiplies. Returned in temporary memory, or in kept memory when
/// `saved` is given, which is then filled.
Hidden mlm_transform(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
                     MlmHeadSaved* saved = nullptr);
/// d: on entry the gradient by the result [M, C], on return by x; not computed without `by_input`.
void mlm_transform_grad(Pass& pass, const MlmHeadParams& params, const MlmHeadSaved& saved,
                        const DeviceView& d, const MlmHeadGrads& grads, bool by_input = true);

/// logits = mlm_transform(x) W_emb^T + bias; logits: [rows, V] fp32.
void mlm_head(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
              const DeviceView& logits);

}  // namespace roberta
