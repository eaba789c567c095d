#include "model/heads/mlm.h"

namespace roberta {

Hidden mlm_transform(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x) {
  const Hidden y = temp_hidden(pass, x.full.rows, config.hidden_size);
  pass.ops.gemm({.x = x.matrix(),
                 .w = &params.dense.w,
                 .bias = params.dense.bias,
                 .act = Activation::kGelu,
                 .y = y.full});
  pass.ops.layer_norm({.x = y.full,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.full,
                       .y_low = y.low});
  return y;
}

void mlm_head(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
              const View& logits) {
  Arena::Scope scope(pass.arena);
  const Hidden y = mlm_transform(pass, config, params, x);
  pass.ops.gemm({.x = y.matrix(), .w = &params.decoder.w, .bias = params.decoder.bias, .y = logits});
}

}  // namespace roberta
