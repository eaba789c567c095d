#pragma once
// Elements of matrices as doubles, whatever their dtype: fp32, bf16, or fp64 (checks of gradients).

#include <cmath>

#include "backend/host_view.h"
#include "device/ops.h"

namespace roberta::ref {

inline double get(const View& v, int64_t r, int64_t c) {
  switch (v.dtype) {
    case DType::kBF16:
      return bf16_to_float(v.row<uint16_t>(r)[c]);
    case DType::kF64:
      return v.row<double>(r)[c];
    default:
      return v.row<float>(r)[c];
  }
}
inline double get(const DeviceView& v, int64_t r, int64_t c) { return get(host(v), r, c); }
inline void set(const DeviceView& to, int64_t r, int64_t c, double x) {
  const View v = host(to);
  switch (v.dtype) {
    case DType::kBF16:
      v.row<uint16_t>(r)[c] = float_to_bf16(static_cast<float>(x));
      break;
    case DType::kF64:
      v.row<double>(r)[c] = x;
      break;
    default:
      v.row<float>(r)[c] = static_cast<float>(x);
  }
}
/// What an output of an `accumulate` operation starts from.
inline double get_if(bool wanted, const DeviceView& v, int64_t r, int64_t c) {
  return wanted ? get(v, r, c) : 0;
}

/// Weights of `ref` are row-major.
inline DeviceView as_view(const Weight& w) { return {w.data, w.rows, w.cols, w.cols, w.dtype}; }

/// Row i of a times row j of b.
inline double dot(const DeviceView& a, int64_t i, const DeviceView& b, int64_t j) {
  double sum = 0;
  for (int64_t k = 0; k < a.cols; ++k) sum += get(a, i, k) * get(b, j, k);
  return sum;
}

inline double activate(Activation act, double x) {
  switch (act) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kTanh:
      return std::tanh(x);
  }
  return x;
}
/// The derivative of activate() at x.
inline double derivative(Activation act, double x) {
  constexpr double kPi = 3.14159265358979323846;
  switch (act) {
    case Activation::kNone:
      return 1;
    case Activation::kGelu:
      return 0.5 * (1 + std::erf(x / std::sqrt(2.0))) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * kPi);
    case Activation::kTanh:
      return 1 - std::tanh(x) * std::tanh(x);
  }
  return 1;
}

}  // namespace roberta::ref
