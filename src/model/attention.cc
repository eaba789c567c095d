#include "model/attention.h"

#include <cmath>

namespace roberta {

void attention(Pass& pass, const RobertaConfig& config, const AttentionParams& params, const Hidden& x_q,
               std::span<const int32_t> q_starts, const Hidden& x, std::span<const int32_t> starts,
               const Hidden& y) {
  const int64_t c = config.hidden_size, rows = x_q.full.rows;
  Arena::Scope scope(pass.arena);
  const View q = pass.temp(rows, c, pass.matrix);
  const View kv = pass.temp(x.full.rows, 2 * c, pass.matrix);
  const View context = pass.temp(rows, c, pass.matrix);
  const View sum = pass.temp(rows, c, DType::kF32);
  pass.ops.gemm({.x = x_q.matrix(), .w = &params.query.w, .bias = params.query.bias, .y = q});
  pass.ops.gemm({.x = x.matrix(), .w = &params.key_value.w, .bias = params.key_value.bias, .y = kv});
  pass.ops.attention({.q = q,
                      .k = kv.columns(0, c),
                      .v = kv.columns(c, c),
                      .q_starts = q_starts,
                      .starts = starts,
                      .heads = config.num_attention_heads,
                      .scale = 1.0f / std::sqrt(static_cast<float>(config.head_width())),
                      .y = context});
  pass.ops.gemm({.x = context, .w = &params.output.w, .bias = params.output.bias, .y = sum});
  pass.ops.layer_norm({.x = sum,
                       .residual = x_q.full,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.full,
                       .y_low = y.low});
}

}  // namespace roberta
