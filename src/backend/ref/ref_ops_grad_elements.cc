// Gradients of the element-wise operations, and the optimizer.

#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"

namespace roberta::ref {
namespace {

void add_row(const DeviceView& x, int64_t from, const DeviceView& y, int64_t to) {
  for (int64_t c = 0; c < x.cols; ++c) set(y, to, c, get(y, to, c) + get(x, from, c));
}

}  // namespace

void RefOps::activation_grad(const ActivationGrad& a) {
  for (int64_t r = 0; r < a.dy.rows; ++r) {
    for (int64_t c = 0; c < a.dy.cols; ++c)
      set(a.dx, r, c, get(a.dy, r, c) * derivative(a.act, get(a.pre, r, c)));
  }
}

void RefOps::embed_grad(const EmbedGrad& a) {
  for (int64_t t = 0; t < a.dy.rows; ++t) {
    const int32_t id = host(a.ids)[static_cast<size_t>(t)],
                  position = host(a.positions)[static_cast<size_t>(t)];
    if (a.dword && id != a.pad_id) add_row(a.dy, t, a.dword, id);
    if (a.dposition && position != a.pad_id) add_row(a.dy, t, a.dposition, position);
    if (a.dtype) add_row(a.dy, t, a.dtype, 0);
  }
}

void RefOps::scatter_rows(const ScatterRows& a) {
  for (size_t i = 0; i < host(a.rows).size(); ++i)
    add_row(a.x, static_cast<int64_t>(i), a.y, host(a.rows)[i]);
}

void RefOps::adam(const Adam& a) {
  const auto p = host(a.p), m = host(a.m), v = host(a.v);
  const auto gradients = host(a.g);
  const AdamScalars& s = scalars_of(a);
  for (size_t i = 0; i < p.size(); ++i) {
    const double g = double{gradients[i]} * s.grad_scale;
    const double next_m = a.beta1 * m[i] + (1 - a.beta1) * g, next_v = a.beta2 * v[i] + (1 - a.beta2) * g * g;
    const double decayed = p[i] - double{s.decay} * p[i];
    p[i] = static_cast<float>(decayed - s.step_size * next_m / (std::sqrt(next_v * s.v_scale) + a.eps));
    m[i] = static_cast<float>(next_m);
    v[i] = static_cast<float>(next_v);
  }
}

void RefOps::sum_squares(const SumSquares& a) {
  double sum = 0;
  for (const float x : host(a.x)) sum += double{x} * x;
  host(a.out)[0] = sum;
}

}  // namespace roberta::ref
