#include "model/layers/attention.h"

#include <cmath>

#include "model/layers/linear.h"

namespace roberta {
namespace {

float scale_of(const RobertaConfig& config) {
  return 1.0f / std::sqrt(static_cast<float>(config.head_width()));
}

void project(Pass& pass, const AttentionParams& params, const DeviceView& x_q, const DeviceView& x,
             const DeviceView& q, const DeviceView& kv) {
  pass.ops.gemm({.x = x_q, .w = &params.query.w, .bias = params.query.bias, .y = q});
  pass.ops.gemm({.x = x, .w = &params.key_value.w, .bias = params.key_value.bias, .y = kv});
}

void project_distinct(Pass& pass, const AttentionParams& params, const AttentionRows& rows,
                      const DeviceView& q, const DeviceView& kv) {
  Arena::Scope scope(pass.arena);
  const DeviceView own_q = pass.temp(rows.distinct.rows, q.cols, q.dtype);
  const DeviceView own_kv = pass.temp(rows.distinct.rows, kv.cols, kv.dtype);
  project(pass, params, rows.distinct, rows.distinct, own_q, own_kv);
  pass.ops.gather_rows({.x = own_q, .rows = rows.copies, .y = q});
  pass.ops.gather_rows({.x = own_kv, .rows = rows.copies, .y = kv});
}

}  // namespace

void attention(Pass& pass, const RobertaConfig& config, const AttentionParams& params, int64_t layer,
               const AttentionRows& rows, const Hidden& x_q, const Hidden& x, const Hidden& y,
               AttentionSaved* saved) {
  const int64_t c = config.hidden_size, n = x_q.fp32.rows;
  const bool save = saved != nullptr;
  Arena::Scope scope(pass.arena);
  const DeviceView q = pass.keep_if(save, n, c, pass.compute_dtype);
  const DeviceView kv = pass.keep_if(save, x.fp32.rows, 2 * c, pass.compute_dtype);
  const DeviceView context = pass.keep_if(save, n, c, pass.compute_dtype);
  const DeviceView lse = save ? pass.keep(n, config.num_attention_heads, pass.accum_dtype) : DeviceView{};
  const DeviceView sum = pass.keep_if(save, n, c, pass.accum_dtype);
  const DeviceView stats = save ? pass.keep(n, 2, pass.accum_dtype) : DeviceView{};
  if (!rows.copies.empty())
    project_distinct(pass, params, rows, q, kv);
  else
    project(pass, params, x_q.gemm_input(), x.gemm_input(), q, kv);
  pass.ops.attention({.q = q,
                      .k = kv.columns(0, c),
                      .v = kv.columns(c, c),
                      .q_starts = rows.q_starts,
                      .starts = rows.starts,
                      .max_length = rows.max_length,
                      .heads = config.num_attention_heads,
                      .scale = scale_of(config),
                      .dropout = attention_dropout(pass, site_of(layer, Site::kAttention), rows.counters),
                      .y = context,
                      .lse = lse});
  pass.ops.gemm({.x = context, .w = &params.output.w, .bias = params.output.bias, .y = sum});
  pass.ops.layer_norm({.x = sum,
                       .residual = x_q.fp32,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .dropout = hidden_dropout(pass, site_of(layer, Site::kAttentionOutput), rows.counters),
                       .y = y.fp32,
                       .y_bf16 = y.bf16,
                       .sum = save ? sum : DeviceView{},
                       .stats = stats});
  if (save) *saved = {x_q.gemm_input(), x.gemm_input(), q, kv, context, lse, sum, stats};
}

void attention_grad(Pass& pass, const RobertaConfig& config, const AttentionParams& params, int64_t layer,
                    const AttentionRows& rows, const AttentionSaved& saved, const DeviceView& d,
                    const DeviceView& dx, const AttentionGrads& grads, bool by_input) {
  const int64_t c = config.hidden_size, n = d.rows, t = saved.kv.rows;
  Arena::Scope scope(pass.arena);
  const DeviceView dq = pass.temp(n, c, pass.compute_dtype);
  const DeviceView dkv = pass.temp(t, 2 * c, pass.compute_dtype);
  {
    Arena::Scope inner(pass.arena);
    const DeviceView dout = pass.temp(n, c, pass.compute_dtype);
    pass.ops.layer_norm_grad(
        {.dy = d,
         .sum = saved.sum,
         .stats = saved.stats,
         .gamma = params.norm.gamma,
         .dropout = hidden_dropout(pass, site_of(layer, Site::kAttentionOutput), rows.counters),
         .accumulate = pass.accumulate(),
         .dgamma = grads.norm.gamma,
         .dbeta = grads.norm.beta,
         .dresidual = d,
         .dx = dout});
    linear_grad(pass, dout, saved.context, grads.output);
    const DeviceView dcontext = pass.temp(n, c, pass.compute_dtype);
    pass.ops.gemm({.x = dout, .w = &params.output.transposed, .y = dcontext});
    pass.ops.attention_grad(
        {.q = saved.q,
         .k = saved.kv.columns(0, c),
         .v = saved.kv.columns(c, c),
         .q_starts = rows.q_starts,
         .starts = rows.starts,
         .max_length = rows.max_length,
         .heads = config.num_attention_heads,
         .scale = scale_of(config),
         .dropout = attention_dropout(pass, site_of(layer, Site::kAttention), rows.counters),
         .y = saved.context,
         .lse = saved.lse,
         .dy = dcontext,
         .dq = dq,
         .dk = dkv.columns(0, c),
         .dv = dkv.columns(c, c)});
  }
  linear_grad(pass, dq, saved.x_q, grads.query);
  linear_grad(pass, dkv, saved.x, grads.key_value);
  if (!by_input) return;
  pass.ops.gemm({.x = dq, .w = &params.query.transposed, .add = d, .y = d});
  pass.ops.gemm(
      {.x = dkv, .w = &params.key_value.transposed, .add = dx ? DeviceView{} : d, .y = dx ? dx : d});
}

}  // namespace roberta
