// Losses over few columns, each with its gradient.

#include <algorithm>
#include <cmath>

#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"

namespace roberta::ref {
namespace {

/// log(e^x0 + e^x1 + ...), of count values that at(i) tells.
template <class At>
double log_sum_exp(int64_t count, At at) {
  double top = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i) top = std::max(top, at(i));
  for (int64_t i = 0; i < count; ++i) sum += std::exp(at(i) - top);
  return top + std::log(sum);
}

}  // namespace

void RefOps::cross_entropy(const CrossEntropy& a) {
  const int64_t n = a.x.cols;
  for (int64_t m = 0; m < a.x.rows; ++m) {
    const int32_t target = host(a.targets)[static_cast<size_t>(m)];
    const double lse = log_sum_exp(n, [&](int64_t j) { return get(a.x, m, j); });
    const double spread = double{a.smoothing} / static_cast<double>(n);
    double loss = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double q = spread + (j == target ? 1 - double{a.smoothing} : 0), log_p = get(a.x, m, j) - lse;
      loss -= q * log_p;
      if (a.dx) set(a.dx, m, j, target < 0 ? 0 : a.scale * (std::exp(log_p) - q));
    }
    set(a.loss, m, 0, target < 0 ? 0 : loss);
  }
}

void RefOps::segment_cross_entropy(const SegmentCrossEntropy& a) {
  const int64_t columns = a.x.cols;
  for (int64_t s = 0; s < a.loss.rows; ++s) {
    const int64_t start = host(a.starts)[static_cast<size_t>(s)];
    const int64_t length = host(a.starts)[static_cast<size_t>(s) + 1] - start;
    for (int64_t k = 0; k < columns; ++k) {
      const int32_t target = host(a.targets)[static_cast<size_t>(s * columns + k)];
      const bool counts = target >= 0 && target < length;
      const double lse = log_sum_exp(length, [&](int64_t i) { return get(a.x, start + i, k); });
      set(a.loss, s, k, counts ? lse - get(a.x, start + target, k) : 0);
      for (int64_t i = 0; a.dx && i < length; ++i) {
        const double p = std::exp(get(a.x, start + i, k) - lse);
        set(a.dx, start + i, k, counts ? a.scale * (p - (i == target ? 1 : 0)) : 0);
      }
    }
  }
}

void RefOps::element_loss(const ElementLoss& a) {
  for (int64_t m = 0; m < a.x.rows; ++m) {
    double loss = 0;
    for (int64_t j = 0; j < a.x.cols; ++j) {
      const double x = get(a.x, m, j), t = host(a.targets)[static_cast<size_t>(m * a.x.cols + j)];
      double derivative = 0;
      if (a.kind == ElementLossKind::kSquared) {
        loss += (x - t) * (x - t);
        derivative = 2 * (x - t);
      } else {  // log(1 + e^x) - t x
        loss += std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) - t * x;
        derivative = 1 / (1 + std::exp(-x)) - t;
      }
      if (a.dx) set(a.dx, m, j, a.scale * derivative);
    }
    set(a.loss, m, 0, loss);
  }
}

}  // namespace roberta::ref
