#pragma once
// Row by row kernels: LayerNorm, additions and conversions. Include after dropout-inl.h.

namespace {

using roberta::cpu::LayerNormGradRows;
using roberta::cpu::LayerNormRows;

inline void layer_norm(const LayerNormRows& a) {
  const int64_t whole = a.cols / kLanes * kLanes;
  const Dropper dropper(a.draws);
  for (int64_t r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    const float* res = a.residual ? a.residual + r * a.residual_stride : nullptr;
    float* y = a.y + r * a.y_stride;
    float* sums = a.sum ? a.sum + r * a.sum_stride : y;
    F total = zero();
    for_dropped(
        dropper, r, a.cols, [&](int64_t i, int n, F factor) __attribute__((always_inline)) {
          const F v = mul_add(load_lanes(x + i, n), factor, res ? load_lanes(res + i, n) : zero());
          store_lanes(sums + i, v, n);
          total = total + v;
        });
    const float mean = sum(total) / static_cast<float>(a.cols);
    F squares = zero();
    for (int64_t i = 0; i < whole; i += kLanes) {
      const F d = load(sums + i) - set(mean);
      squares = mul_add(d, d, squares);
    }
    float variance = sum(squares);
    for (int64_t i = whole; i < a.cols; ++i) variance += (sums[i] - mean) * (sums[i] - mean);
    variance /= static_cast<float>(a.cols);
    const float scale = 1.0f / __builtin_sqrtf(variance + a.eps);
    if (a.stats) {
      a.stats[r * a.stats_stride] = mean;
      a.stats[r * a.stats_stride + 1] = scale;
    }
    const F shift = set(-mean * scale), factor = set(scale);
    uint16_t* low = a.y_bf16 ? a.y_bf16 + r * a.y_bf16_stride : nullptr;
    const auto finish = [&](int64_t i, int n) __attribute__((always_inline)) {
      const F normal = mul_add(load_lanes(sums + i, n), factor, shift);
      const F v = mul_add(normal, load_lanes(a.gamma + i, n), load_lanes(a.beta + i, n));
      store_lanes(y + i, v, n);
      if (low) store_lanes(low + i, v, n);
    };
    for (int64_t i = 0; i < whole; i += kLanes) finish(i, kLanes);
    if (whole < a.cols) finish(whole, static_cast<int>(a.cols - whole));
  }
}

/// Up to kTogether rows at a time, so that the sums over rows are loaded and stored once for all of them.
/// Each row's own sums run the same way however many are taken together.
template <int kTogether>
inline void layer_norm_grad_rows(const LayerNormGradRows& a, int64_t row, const Dropper& dropper) {
  const float *dy[kTogether], *sums[kTogether];
  F shift[kTogether], factor[kTogether], total[kTogether], product[kTogether];
  for (int r = 0; r < kTogether; ++r) {
    const float* stats = a.stats + (row + r) * a.stats_stride;
    dy[r] = a.dy + (row + r) * a.dy_stride, sums[r] = a.sum + (row + r) * a.sum_stride;
    shift[r] = set(-stats[0] * stats[1]), factor[r] = set(stats[1]);
    total[r] = product[r] = zero();
  }
  const auto add_up = [&](int64_t i, int n) __attribute__((always_inline)) {
    const F gamma = load_lanes(a.gamma + i, n);
    F dgamma = load_lanes(a.dgamma + i, n), dbeta = load_lanes(a.dbeta + i, n);
#pragma GCC unroll 4
    for (int r = 0; r < kTogether; ++r) {
      const F d = load_lanes(dy[r] + i, n), normal = mul_add(load_lanes(sums[r] + i, n), factor[r], shift[r]);
      const F weighted = d * gamma;
      total[r] = total[r] + weighted;
      product[r] = mul_add(weighted, normal, product[r]);
      dgamma = mul_add(d, normal, dgamma);
      dbeta = dbeta + d;
    }
    store_lanes(a.dgamma + i, dgamma, n);
    store_lanes(a.dbeta + i, dbeta, n);
  };
  int64_t i = 0;
  for (; i + kLanes <= a.cols; i += kLanes) add_up(i, kLanes);
  if (i < a.cols) add_up(i, static_cast<int>(a.cols - i));
  for (int r = 0; r < kTogether;
       ++r) {  // d = scale (dy gamma - mean(dy gamma) - normal mean(dy gamma normal))
    const float mean = sum(total[r]) / static_cast<float>(a.cols);
    const float mean_product = sum(product[r]) / static_cast<float>(a.cols);
    float* residual = a.dresidual + (row + r) * a.dresidual_stride;
    float* dx = !a.dx || a.dx_bf16 ? nullptr : static_cast<float*>(a.dx) + (row + r) * a.dx_stride;
    uint16_t* low = a.dx && a.dx_bf16 ? static_cast<uint16_t*>(a.dx) + (row + r) * a.dx_stride : nullptr;
    for_dropped(
        dropper, row + r, a.cols, [&](int64_t at, int n, F keep) __attribute__((always_inline)) {
          const F normal = mul_add(load_lanes(sums[r] + at, n), factor[r], shift[r]);
          const F weighted = mul_add(load_lanes(dy[r] + at, n), load_lanes(a.gamma + at, n), set(-mean));
          const F d = mul_add(normal, set(-mean_product), weighted) * factor[r];
          store_lanes(residual + at, d, n);
          if (dx) store_lanes(dx + at, d * keep, n);
          if (low) store_lanes(low + at, d * keep, n);
        });
  }
}

inline void layer_norm_grad(const LayerNormGradRows& a) {
  for (int64_t i = 0; i < a.cols; ++i) a.dgamma[i] = a.dbeta[i] = 0;
  const Dropper dropper(a.draws);
  int64_t r = 0;
  for (; r + 4 <= a.rows; r += 4) layer_norm_grad_rows<4>(a, r, dropper);
  for (; r < a.rows; ++r) layer_norm_grad_rows<1>(a, r, dropper);
}

inline void add(float* y, const float* x, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, load(y + i) + load(x + i));
  for (; i < n; ++i) y[i] += x[i];
}
inline void to_bf16_row(const float* x, uint16_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(y + i, load(x + i));
  if (i < n) store_bf16_n(y + i, load_n(x + i, static_cast<int>(n - i)), static_cast<int>(n - i));
}
inline void from_bf16_row(const uint16_t* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, load_bf16(x + i));
  for (; i < n; ++i) y[i] = widen(x[i]);
}

}  // namespace
