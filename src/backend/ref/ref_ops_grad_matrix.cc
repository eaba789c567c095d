#include <algorithm>
#include <vector>

#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"

namespace roberta::ref {

void RefOps::gemm_grad(const GemmGrad& a) {
  for (int64_t n = 0; n < a.dy.cols; ++n) {
    for (int64_t k = 0; k < a.dw.cols; ++k) {
      double sum = get_if(a.accumulate, a.dw, n, k);
      for (int64_t m = 0; m < a.dy.rows; ++m) sum += get(a.dy, m, n) * get(a.x, m, k);
      set(a.dw, n, k, sum);
    }
    if (a.db) {
      double sum = get_if(a.accumulate, a.db, 0, n);
      for (int64_t m = 0; m < a.dy.rows; ++m) sum += get(a.dy, m, n);
      set(a.db, 0, n, sum);
    }
  }
}

void RefOps::linear_cross_entropy_grad(const LinearCrossEntropyGrad& a) {
  const DeviceView w = as_view(*a.w);
  const int64_t rows = a.x.rows, v = w.rows, k = w.cols;
  // Gradients by the logits, [M, V].
  std::vector<double> dlogits(static_cast<size_t>(rows * v));
  for (int64_t m = 0; m < rows; ++m) {
    double* row = dlogits.data() + m * v;
    const int32_t target = host(a.targets)[static_cast<size_t>(m)];
    for (int64_t j = 0; j < v; ++j)
      row[j] = dot(a.x, m, w, j) + get_if(static_cast<bool>(a.bias), a.bias, 0, j);
    const double top = *std::max_element(row, row + v), wanted = row[target];
    double sum = 0;
    for (int64_t j = 0; j < v; ++j) sum += std::exp(row[j] - top);
    set(a.loss, m, 0, top + std::log(sum) - wanted);
    for (int64_t j = 0; j < v; ++j) row[j] = a.scale * (std::exp(row[j] - top) / sum - (j == target ? 1 : 0));
  }
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t c = 0; c < k; ++c) {
      double sum = 0;
      for (int64_t j = 0; j < v; ++j) sum += dlogits[static_cast<size_t>(m * v + j)] * get(w, j, c);
      set(a.dx, m, c, sum);
    }
  }
  for (int64_t j = 0; j < v; ++j) {
    for (int64_t c = 0; a.dw && c < k; ++c) {
      double sum = get_if(a.accumulate, a.dw, j, c);
      for (int64_t m = 0; m < rows; ++m) sum += dlogits[static_cast<size_t>(m * v + j)] * get(a.x, m, c);
      set(a.dw, j, c, sum);
    }
    if (a.db) {
      double sum = get_if(a.accumulate, a.db, 0, j);
      for (int64_t m = 0; m < rows; ++m) sum += dlogits[static_cast<size_t>(m * v + j)];
      set(a.db, 0, j, sum);
    }
  }
}

void RefOps::pack(const PackWeight& a) {
  for (int64_t n = 0; n < a.source.rows; ++n) {
    for (int64_t k = 0; k < a.source.cols; ++k) {
      const double value = get(a.source, n, k);
      if (a.w) set(as_view(*a.w), n, k, value);
      if (a.w_transposed) set(as_view(*a.w_transposed), k, n, value);
    }
  }
}

}  // namespace roberta::ref
