// Gradients of the element-wise operations, and the optimizer.

#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"

namespace roberta::ref {
namespace {

void add_row(const View& x, int64_t from, const View& y, int64_t to) {
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
    const int32_t id = a.ids[static_cast<size_t>(t)], position = a.positions[static_cast<size_t>(t)];
    if (a.dword && id != a.pad_id) add_row(a.dy, t, a.dword, id);
    if (a.dposition && position != a.pad_id) add_row(a.dy, t, a.dposition, position);
    if (a.dtype) add_row(a.dy, t, a.dtype, 0);
  }
}

void RefOps::scatter_rows(const ScatterRows& a) {
  for (size_t i = 0; i < a.rows.size(); ++i) add_row(a.x, static_cast<int64_t>(i), a.y, a.rows[i]);
}

void RefOps::adam(const Adam& a) {
  for (int64_t i = 0; i < a.n; ++i) {
    const double g = double{a.g[i]} * a.grad_scale;
    const double m = a.beta1 * a.m[i] + (1 - a.beta1) * g, v = a.beta2 * a.v[i] + (1 - a.beta2) * g * g;
    const double p = a.p[i] - double{a.decay} * a.p[i];
    a.p[i] = static_cast<float>(p - a.step_size * m / (std::sqrt(v * a.v_scale) + a.eps));
    a.m[i] = static_cast<float>(m);
    a.v[i] = static_cast<float>(v);
  }
}

double RefOps::sum_squares(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{x[i]} * x[i];
  return sum;
}

}  // namespace roberta::ref
