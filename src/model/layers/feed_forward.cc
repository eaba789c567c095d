#include "model/layers/feed_forward.h"

#include <algorithm>

#include "model/layers/linear.h"

namespace roberta {
void feed_forward(Pass& pass, const RobertaConfig& config, const FeedForwardParams& params, int64_t layer,
                  DeviceSpan<const uint64_t> counters, const Hidden& x, const Hidden& y,
                  FeedForwardSaved* saved) {
  const int64_t rows = x.fp32.rows, most = pass.device.tuning().feed_forward_rows;
  const int64_t tiles = std::max<int64_t>(1, (rows + most - 1) / most);
  if (saved) {
    *saved = {x.gemm_input(), pass.keep(rows, config.intermediate_size, pass.compute_dtype),
              pass.keep(rows, config.intermediate_size, pass.compute_dtype),
              pass.keep(rows, config.hidden_size, pass.accum_dtype), pass.keep(rows, 2, pass.accum_dtype)};
  }
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t begin = rows * t / tiles, count = rows * (t + 1) / tiles - begin;
    Arena::Scope scope(pass.arena);
    const DeviceView inner = saved ? saved->inner.slice(begin, count)
                                   : pass.temp(count, config.intermediate_size, pass.compute_dtype);
    const DeviceView sum =
        saved ? saved->sum.slice(begin, count) : pass.temp(count, config.hidden_size, pass.accum_dtype);
    const Hidden in = x.slice(begin, count), out = y.slice(begin, count);
    pass.ops.gemm({.x = in.gemm_input(),
                   .w = &params.up.w,
                   .bias = params.up.bias,
                   .act = Activation::kGelu,
                   .pre = saved ? saved->pre.slice(begin, count) : DeviceView{},
                   .y = inner});
    pass.ops.gemm({.x = inner, .w = &params.down.w, .bias = params.down.bias, .y = sum});
    const DeviceSpan<const uint64_t> own = counters.empty() ? counters : counters.subspan(begin, count);
    pass.ops.layer_norm({.x = sum,
                         .residual = in.fp32,
                         .gamma = params.norm.gamma,
                         .beta = params.norm.beta,
                         .eps = static_cast<float>(config.layer_norm_eps),
                         .dropout = hidden_dropout(pass, site_of(layer, Site::kFeedForward), own),
                         .y = out.fp32,
                         .y_bf16 = out.bf16,
                         .sum = saved ? sum : DeviceView{},
                         .stats = saved ? saved->stats.slice(begin, count) : DeviceView{}});
  }
}

void feed_forward_grad(Pass& pass, const FeedForwardParams& params, int64_t layer,
                       DeviceSpan<const uint64_t> counters, const FeedForwardSaved& saved,
                       const DeviceView& d, const FeedForwardGrads& grads) {
  Arena::Scope scope(pass.arena);
  const DeviceView dout = pass.temp(d.rows, d.cols, pass.compute_dtype);
  const DeviceView dpre = pass.temp(d.rows, saved.pre.cols, pass.compute_dtype);
  pass.ops.layer_norm_grad({.dy = d,
                            .sum = saved.sum,
                            .stats = saved.stats,
                            .gamma = params.norm.gamma,
                            .dropout = hidden_dropout(pass, site_of(layer, Site::kFeedForward), counters),
                            .accumulate = pass.accumulate(),
                            .dgamma = grads.norm.gamma,
                            .dbeta = grads.norm.beta,
                            .dresidual = d,
                            .dx = dout});
  pass.ops.gemm({.x = dout, .w = &params.down.transposed, .gelu_pre = saved.pre, .y = dpre});
  linear_grad(pass, dout, saved.inner, grads.down);
  linear_grad(pass, dpre, saved.x, grads.up);
  pass.ops.gemm({.x = dpre, .w = &params.up.transposed, .add = d, .y = d});
}

}  // namespace roberta
