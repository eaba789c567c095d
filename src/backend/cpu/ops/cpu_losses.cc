// Losses over few columns, each with its gradient: in double and without vectors, for a batch has few of
// these numbers, and each row or sequence by itself, so the bits are those of every CPU and number of
// threads.

#include <algorithm>
#include <cmath>

#include "backend/cpu/ops/cpu_ops.h"

namespace roberta::cpu {
namespace {

constexpr int64_t kExpCost = 16;  // an exponential in double, in elements of parallel_rows

void store(const DeviceView& to, int64_t row, int64_t column, double x) {
  const float value = static_cast<float>(x);
  if (to.dtype == DType::kBF16) {
    host(to).row<uint16_t>(row)[column] = float_to_bf16(value);
  } else {
    host(to).row<float>(row)[column] = value;
  }
}

/// Log of the sum of e^x over `count` numbers, `stride` apart.
double log_sum_exp(const float* x, int64_t count, int64_t stride) {
  float top = -INFINITY;
  for (int64_t i = 0; i < count; ++i) top = std::max(top, x[i * stride]);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(double{x[i * stride]} - top);
  return top + std::log(sum);
}

}  // namespace

void CpuOps::cross_entropy(const CrossEntropy& a) {
  const int64_t n = a.x.cols;
  const double smoothing = a.smoothing, spread = smoothing / static_cast<double>(n);
  parallel_rows(a.x.rows, n * kExpCost, [&](int64_t begin, int64_t count) {
    for (int64_t m = begin; m < begin + count; ++m) {
      const int32_t target = host(a.targets)[static_cast<size_t>(m)];
      const float* x = host(a.x).row<float>(m);
      const double lse = log_sum_exp(x, n, 1);
      double loss = 0;
      for (int64_t j = 0; j < n; ++j) {
        const double q = spread + (j == target ? 1 - smoothing : 0), log_p = x[j] - lse;
        loss -= q * log_p;
        if (a.dx) store(a.dx, m, j, target < 0 ? 0 : a.scale * (std::exp(log_p) - q));
      }
      *host(a.loss).row<float>(m) = target < 0 ? 0 : static_cast<float>(loss);
    }
  });
}

void CpuOps::segment_cross_entropy(const SegmentCrossEntropy& a) {
  const int64_t columns = a.x.cols;
  parallel(a.loss.rows, a.x.rows * columns > (1 << 10), [&](int64_t s, int) {
    const int64_t start = host(a.starts)[static_cast<size_t>(s)];
    const int64_t length = host(a.starts)[static_cast<size_t>(s) + 1] - start;
    for (int64_t k = 0; k < columns; ++k) {
      const int32_t target = host(a.targets)[static_cast<size_t>(s * columns + k)];
      const bool counts = target >= 0 && target < length;
      const float* x = host(a.x).row<float>(start) + k;
      const double lse = log_sum_exp(x, length, a.x.stride);
      host(a.loss).row<float>(s)[k] = counts ? static_cast<float>(lse - x[target * a.x.stride]) : 0;
      for (int64_t i = 0; a.dx && i < length; ++i) {
        const double p = counts ? std::exp(x[i * a.x.stride] - lse) : 0;
        store(a.dx, start + i, k, a.scale * (p - (counts && i == target ? 1 : 0)));
      }
    }
  });
}

void CpuOps::element_loss(const ElementLoss& a) {
  const int64_t n = a.x.cols;
  parallel_rows(a.x.rows, n * kExpCost, [&](int64_t begin, int64_t count) {
    for (int64_t m = begin; m < begin + count; ++m) {
      double loss = 0;
      for (int64_t j = 0; j < n; ++j) {
        const double x = host(a.x).row<float>(m)[j], t = host(a.targets)[static_cast<size_t>(m * n + j)];
        double derivative = 0;
        if (a.kind == ElementLossKind::kSquared) {
          loss += (x - t) * (x - t);
          derivative = 2 * (x - t);
        } else {  // log(1 + e^x) - t x
          loss += std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) - t * x;
          derivative = 1 / (1 + std::exp(-x)) - t;
        }
        if (a.dx) store(a.dx, m, j, a.scale * derivative);
      }
      *host(a.loss).row<float>(m) = static_cast<float>(loss);
    }
  });
}

}  // namespace roberta::cpu
