#pragma once
// Element-wise kernels of training: gradients of activations, Adam, sums of squares. Include after
// math-inl.h.

#include "backend/cpu/kernels/kernels.h"

namespace {

using roberta::cpu::ActivationGradRows;
using roberta::cpu::AdamPiece;

/// kLanes elements of fp32 or bf16, or fewer at the end of a row.
inline F load_some(const void* row, bool bf16, int64_t i, int n) {
  if (!bf16) {
    const float* p = static_cast<const float*>(row) + i;
    return n == kLanes ? load(p) : load_n(p, n);
  }
  const uint16_t* p = static_cast<const uint16_t*>(row) + i;
  if (n == kLanes) return load_bf16(p);
  uint16_t lanes[kLanes] = {};
  for (int j = 0; j < n; ++j) lanes[j] = p[j];
  return load_bf16(lanes);
}
inline void store_some(void* row, bool bf16, int64_t i, int n, F x) {
  if (bf16) {
    uint16_t* p = static_cast<uint16_t*>(row) + i;
    n == kLanes ? store_bf16(p, x) : store_bf16_n(p, x, n);
  } else {
    float* p = static_cast<float*>(row) + i;
    n == kLanes ? store(p, x) : store_n(p, x, n);
  }
}

template <class Derivative>
inline void activation_grad_rows(const ActivationGradRows& a, Derivative derivative) {
  const int64_t pre_bytes = a.pre_stride * (a.pre_bf16 ? 2 : 4), dx_bytes = a.dx_stride * (a.dx_bf16 ? 2 : 4);
  for (int64_t r = 0; r < a.rows; ++r) {
    const float* dy = a.dy + r * a.dy_stride;
    const void* pre = static_cast<const char*>(a.pre) + r * pre_bytes;
    void* dx = static_cast<char*>(a.dx) + r * dx_bytes;
    for (int64_t i = 0; i < a.cols; i += kLanes) {
      const int n = a.cols - i < kLanes ? static_cast<int>(a.cols - i) : kLanes;
      const F x = load_some(pre, a.pre_bf16, i, n);
      store_some(dx, a.dx_bf16, i, n, load_some(dy, false, i, n) * derivative(x));
    }
  }
}

inline void activation_grad(const ActivationGradRows& a) {
  switch (a.activation) {
    case 0:
      return activation_grad_rows(a, [](F) { return set(1.0f); });
    case 1:
      return activation_grad_rows(a, [](F x) { return gelu_derivative(x); });
    default:
      return activation_grad_rows(a, [](F x) { return tanh_derivative(x); });
  }
}

/// The compiler makes vectors of this loop; bound by memory. No fused multiply-adds: the bits are those of
/// every instruction set.
inline void adam(const AdamPiece& a) {
  float* __restrict p = a.p, * __restrict m = a.m, * __restrict v = a.v;
  const float* __restrict grad = a.g;
  const float beta1 = a.beta1, rest1 = a.one_minus_beta1, beta2 = a.beta2, rest2 = a.one_minus_beta2;
  const float eps = a.eps, step = a.step_size, v_scale = a.v_scale, decay = a.decay, scale = a.grad_scale;
  for (int64_t i = 0; i < a.n; ++i) {
    const float g = grad[i] * scale;
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    const float kept = p[i] - decay * p[i];
    p[i] = kept - step * m[i] / (__builtin_sqrtf(v[i] * v_scale) + eps);
  }
}

/// Sixteen sums side by side whatever the vectors of this CPU are. A product of two fp32 numbers is exact in
/// double, so the bits are those of every instruction set.
inline double sum_squares(const float* x, int64_t n) {
  constexpr int kSums = 16;
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums) {
    for (int j = 0; j < kSums; ++j) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
  }
  for (int j = 0; i + j < n; ++j) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

}  // namespace
