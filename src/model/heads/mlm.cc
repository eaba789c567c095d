#include "model/heads/mlm.h"

#include "model/layers/linear.h"

namespace roberta {

Hidden mlm_transform(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
                     MlmHeadSaved* saved) {
  const int64_t rows = x.fp32.rows, c = config.hidden_size;
  const Hidden y = saved ? keep_hidden(pass, rows, c) : temp_hidden(pass, rows, c);
  if (saved) {
    *saved = {x.gemm_input(), pass.keep(rows, c, pass.accum_dtype), pass.keep(rows, c, pass.accum_dtype),
              pass.keep(rows, 2, pass.accum_dtype)};
  }
  const DeviceView gelu = saved ? saved->gelu : y.fp32;
  pass.ops.gemm({.x = x.gemm_input(),
                 .w = &params.dense.w,
                 .bias = params.dense.bias,
                 .act = Activation::kGelu,
                 .pre = saved ? saved->pre : DeviceView{},
                 .y = gelu});
  pass.ops.layer_norm({.x = gelu,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.fp32,
                       .y_bf16 = y.bf16,
                       .stats = saved ? saved->stats : DeviceView{}});
  return y;
}

void mlm_transform_grad(Pass& pass, const MlmHeadParams& params, const MlmHeadSaved& saved,
                        const DeviceView& d, const MlmHeadGrads& grads, bool by_input) {
  Arena::Scope scope(pass.arena);
  const DeviceView dpre = pass.temp(d.rows, d.cols, pass.compute_dtype);
  pass.ops.layer_norm_grad({.dy = d,
                            .sum = saved.gelu,
                            .stats = saved.stats,
                            .gamma = params.norm.gamma,
                            .accumulate = pass.accumulate(),
                            .dgamma = grads.norm.gamma,
                            .dbeta = grads.norm.beta,
                            .dresidual = d});
  pass.ops.activation_grad({.dy = d, .pre = saved.pre, .act = Activation::kGelu, .dx = dpre});
  linear_grad(pass, dpre, saved.x, grads.dense);
  if (by_input) pass.ops.gemm({.x = dpre, .w = &params.dense.transposed, .y = d});
}

void mlm_head(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params, const Hidden& x,
              const DeviceView& logits) {
  Arena::Scope scope(pass.arena);
  const Hidden y = mlm_transform(pass, config, params, x);
  pass.ops.gemm({.x = y.gemm_input(), .w = &params.decoder.w, .bias = params.decoder.bias, .y = logits});
}

}  // namespace roberta
