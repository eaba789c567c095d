#pragma once
// Row by row kernels: LayerNorm, additions and conversions. Include after math-inl.h.

namespace {

inline void layer_norm(const LayerNormRows& a) {
  const int64_t whole = a.cols / kLanes * kLanes;
  const int tail = static_cast<int>(a.cols - whole);
  for (int64_t r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    const float* res = a.residual ? a.residual + r * a.residual_stride : nullptr;
    float* y = a.y + r * a.y_stride;
    const auto value = [&](int64_t i) { return res ? load(x + i) + load(res + i) : load(x + i); };
    const auto tail_value = [&] {
      return res ? load_n(x + whole, tail) + load_n(res + whole, tail) : load_n(x + whole, tail);
    };
    F total = zero();
    for (int64_t i = 0; i < whole; i += kLanes) {
      const F v = value(i);
      store(y + i, v);
      total = total + v;
    }
    if (tail) {
      const F v = tail_value();
      store_n(y + whole, v, tail);
      total = total + v;
    }
    const float mean = sum(total) / static_cast<float>(a.cols);
    F squares = zero();
    for (int64_t i = 0; i < whole; i += kLanes) {
      const F d = load(y + i) - set(mean);
      squares = mul_add(d, d, squares);
    }
    float variance = sum(squares);
    for (int64_t i = whole; i < a.cols; ++i) variance += (y[i] - mean) * (y[i] - mean);
    variance /= static_cast<float>(a.cols);
    const float scale = 1.0f / __builtin_sqrtf(variance + a.eps);
    if (a.stats) {
      a.stats[2 * r] = mean;
      a.stats[2 * r + 1] = scale;
    }
    const F shift = set(-mean * scale), factor = set(scale);
    uint16_t* low = a.y_low ? a.y_low + r * a.y_low_stride : nullptr;
    for (int64_t i = 0; i < whole; i += kLanes) {
      const F v = mul_add(mul_add(load(y + i), factor, shift), load(a.gamma + i), load(a.beta + i));
      store(y + i, v);
      if (low) store_bf16(low + i, v);
    }
    if (tail) {
      const F v = mul_add(mul_add(load_n(y + whole, tail), factor, shift), load_n(a.gamma + whole, tail),
                          load_n(a.beta + whole, tail));
      store_n(y + whole, v, tail);
      if (low) store_bf16_n(low + whole, v, tail);
    }
  }
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
