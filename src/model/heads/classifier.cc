#include "model/heads/classifier.h"

#include "model/layers/linear.h"

namespace roberta {
namespace {

Dropout dropout_at(const Pass& pass, uint32_t site, float rate, DeviceSpan<const uint64_t> counters) {
  if (!pass.training || rate == 0) return {};
  return {rate, pass.training->dropout_key, site, counters};
}

/// dropout(x) as a GEMM reads it.
DeviceView dropped(Pass& pass, const DeviceView& x, const Dropout& dropout, bool save) {
  const bool bf16 = pass.compute_dtype == DType::kBF16;
  const DeviceView y = pass.keep_if(save && !bf16, x.rows, x.cols, pass.accum_dtype);
  const DeviceView y_bf16 = bf16 ? pass.keep_if(save, x.rows, x.cols, DType::kBF16) : DeviceView{};
  pass.ops.dropout({.x = x, .dropout = dropout, .y = y, .y_bf16 = y_bf16});
  return bf16 ? y_bf16 : y;
}

}  // namespace

void classifier(Pass& pass, const ClassifierParams& params, const Hidden& x, float dropout,
                DeviceSpan<const uint64_t> counters, const DeviceView& logits, ClassifierSaved* saved) {
  const bool save = saved != nullptr;
  const int64_t rows = x.fp32.rows, c = x.fp32.cols;
  const Dropout outer = dropout_at(pass, kHeadInputSite, dropout, counters),
                inner = dropout_at(pass, kHeadInnerSite, dropout, counters);
  Arena::Scope scope(pass.arena);
  const DeviceView in = outer.rate > 0 ? dropped(pass, x.fp32, outer, save) : x.gemm_input();
  DeviceView pre, y = in;
  if (params.dense.w) {
    const bool drops = inner.rate > 0;
    if (save) pre = pass.keep(rows, c, pass.accum_dtype);
    y = pass.keep_if(save && !drops, rows, c, drops ? pass.accum_dtype : pass.compute_dtype);
    pass.ops.gemm({.x = in,
                   .w = &params.dense.w,
                   .bias = params.dense.bias,
                   .act = Activation::kTanh,
                   .pre = pre,
                   .y = y});
    if (drops) y = dropped(pass, y, inner, save);
  }
  pass.ops.gemm({.x = y, .w = &params.out.w, .bias = params.out.bias, .y = logits});
  if (save) *saved = {in, pre, y};
}

void classifier_grad(Pass& pass, const ClassifierParams& params, const ClassifierSaved& saved, float dropout,
                     DeviceSpan<const uint64_t> counters, const DeviceView& dlogits, const DeviceView& dx,
                     const ClassifierGrads& grads) {
  const int64_t rows = saved.x.rows, c = saved.x.cols;
  const Dropout outer = dropout_at(pass, kHeadInputSite, dropout, counters),
                inner = dropout_at(pass, kHeadInnerSite, dropout, counters);
  Arena::Scope scope(pass.arena);
  linear_grad(pass, dlogits, saved.y, grads.out);
  if (params.dense.w) {
    const DeviceView dy = pass.temp(rows, c, pass.accum_dtype), dpre = pass.temp(rows, c, pass.compute_dtype);
    pass.ops.gemm({.x = dlogits, .w = &params.out.transposed, .y = dy});
    if (inner.rate > 0) pass.ops.dropout({.x = dy, .dropout = inner, .y = dy});
    pass.ops.activation_grad({.dy = dy, .pre = saved.pre, .act = Activation::kTanh, .dx = dpre});
    linear_grad(pass, dpre, saved.x, grads.dense);
    if (dx) pass.ops.gemm({.x = dpre, .w = &params.dense.transposed, .y = dx});
  } else if (dx) {
    pass.ops.gemm({.x = dlogits, .w = &params.out.transposed, .y = dx});
  }
  if (dx && outer.rate > 0) pass.ops.dropout({.x = dx, .dropout = outer, .y = dx});
}

}  // namespace roberta
