// Gradients of the element-wise operations, and the optimizer: cut into pieces for the threads.

#include <algorithm>

#include "backend/cpu/ops/cpu_ops.h"

namespace roberta::cpu {
namespace {

constexpr int64_t kPiece = 32 << 10;  // elements; part of the result of sum_squares, so it never changes
constexpr int64_t kColumns = 16;      // columns: one cache line, which two threads must not share

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void CpuOps::activation_grad(const ActivationGrad& a) {
  parallel_rows(a.dy.rows, a.dy.cols, [&](int64_t begin, int64_t count) {
    kernels_.activation_grad({.dy = a.dy.row<float>(begin),
                              .dy_stride = a.dy.stride,
                              .pre = a.pre.slice(begin, count).data,
                              .pre_stride = a.pre.stride,
                              .pre_bf16 = a.pre.dtype == DType::kBF16,
                              .activation = static_cast<int>(a.act),
                              .rows = count,
                              .cols = a.dy.cols,
                              .dx = a.dx.slice(begin, count).data,
                              .dx_stride = a.dx.stride,
                              .dx_bf16 = a.dx.dtype == DType::kBF16});
  });
}

/// Each thread adds all tokens in order to its own columns, so the order of a sum never depends on the
/// threads.
void CpuOps::embed_grad(const EmbedGrad& a) {
  const int64_t tokens = a.dy.rows, cols = a.dy.cols;
  const int64_t width = ceil_div(ceil_div(cols, 2 * threads_), kColumns) * kColumns;
  parallel(ceil_div(cols, width), tokens * cols > kPiece, [&](int64_t slice, int) {
    const int64_t column = slice * width, n = std::min(width, cols - column);
    float* type = a.dtype ? a.dtype.row<float>(0) + column : nullptr;
    for (int64_t t = 0; t < tokens; ++t) {
      const int32_t id = a.ids[static_cast<size_t>(t)], position = a.positions[static_cast<size_t>(t)];
      const float* dy = a.dy.row<float>(t) + column;
      if (a.dword && id != a.pad_id) kernels_.add(a.dword.row<float>(id) + column, dy, n);
      if (a.dposition && position != a.pad_id) kernels_.add(a.dposition.row<float>(position) + column, dy, n);
      if (type) kernels_.add(type, dy, n);
    }
  });
}

void CpuOps::scatter_rows(const ScatterRows& a) {
  parallel_rows(static_cast<int64_t>(a.rows.size()), a.x.cols, [&](int64_t begin, int64_t count) {
    for (int64_t i = begin; i < begin + count; ++i)
      kernels_.add(a.y.row<float>(a.rows[static_cast<size_t>(i)]), a.x.row<float>(i), a.x.cols);
  });
}

void CpuOps::adam(const Adam& a) {
  parallel(ceil_div(a.n, kPiece), a.n > kPiece, [&](int64_t piece, int) {
    const int64_t begin = piece * kPiece;
    kernels_.adam({.p = a.p + begin,
                   .m = a.m + begin,
                   .v = a.v + begin,
                   .g = a.g + begin,
                   .n = std::min(kPiece, a.n - begin),
                   .beta1 = static_cast<float>(a.beta1),
                   .one_minus_beta1 = static_cast<float>(1 - a.beta1),
                   .beta2 = static_cast<float>(a.beta2),
                   .one_minus_beta2 = static_cast<float>(1 - a.beta2),
                   .eps = a.eps,
                   .step_size = a.step_size,
                   .v_scale = a.v_scale,
                   .decay = a.decay,
                   .grad_scale = a.grad_scale});
  });
}

double CpuOps::sum_squares(const float* x, int64_t n) {
  std::vector<double> sums(static_cast<size_t>(ceil_div(n, kPiece)));
  parallel(static_cast<int64_t>(sums.size()), n > kPiece, [&](int64_t piece, int) {
    const int64_t begin = piece * kPiece;
    sums[static_cast<size_t>(piece)] = kernels_.sum_squares(x + begin, std::min(kPiece, n - begin));
  });
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

}  // namespace roberta::cpu
