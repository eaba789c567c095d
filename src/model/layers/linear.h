#pragma once
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// The gradients of y = x w^T + bias that are wanted. dy: [M, N], x: [M, K], as they enter GEMMs.
inline void linear_grad(Pass& pass, const DeviceView& dy, const DeviceView& x, const LinearGrads& grads) {
  const bool some = grads.w && grads.w.rows < dy.cols;
  if (grads.w || grads.bias) {
    pass.ops.gemm_grad({.dy = some ? dy.columns(grads.first, grads.w.rows) : dy,
                        .x = x,
                        .accumulate = pass.accumulate(),
                        .dw = grads.w,
                        .db = some ? DeviceView{} : grads.bias});
  }
  if (some && grads.bias) {
    pass.ops.gemm_grad({.dy = dy, .x = x, .accumulate = pass.accumulate(), .db = grads.bias});
  }
}

}  // namespace roberta
