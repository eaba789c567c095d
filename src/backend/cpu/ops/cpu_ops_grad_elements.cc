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
    kernels_.activation_grad({.dy = host(a.dy).row<float>(begin),
                              .dy_stride = a.dy.stride,
                              .pre = a.pre.slice(begin, count).data.address(),
                              .pre_stride = a.pre.stride,
                              .pre_bf16 = a.pre.dtype == DType::kBF16,
                              .activation = static_cast<int>(a.act),
                              .rows = count,
                              .cols = a.dy.cols,
                              .dx = a.dx.slice(begin, count).data.address(),
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
    float* type = a.dtype ? host(a.dtype).row<float>(0) + column : nullptr;
    for (int64_t t = 0; t < tokens; ++t) {
      const int32_t id = host(a.ids)[static_cast<size_t>(t)],
                    position = host(a.positions)[static_cast<size_t>(t)];
      const float* dy = host(a.dy).row<float>(t) + column;
      if (a.dword && id != a.pad_id) kernels_.add(host(a.dword).row<float>(id) + column, dy, n);
      if (a.dposition && position != a.pad_id)
        kernels_.add(host(a.dposition).row<float>(position) + column, dy, n);
      if (type) kernels_.add(type, dy, n);
    }
  });
}

void CpuOps::scatter_rows(const ScatterRows& a) {
  parallel_rows(a.rows.size(), a.x.cols, [&](int64_t begin, int64_t count) {
    for (int64_t i = begin; i < begin + count; ++i)
      kernels_.add(host(a.y).row<float>(host(a.rows)[static_cast<size_t>(i)]), host(a.x).row<float>(i),
                   a.x.cols);
  });
}

void CpuOps::adam(const Adam& a) {
  const int64_t n = a.p.size();
  const AdamScalars& scalars = scalars_of(a);
  float *p = host(a.p).data(), *m = host(a.m).data(), *v = host(a.v).data();
  const float* g = host(a.g).data();
  parallel(ceil_div(n, kPiece), n > kPiece, [&](int64_t piece, int) {
    const int64_t begin = piece * kPiece;
    kernels_.adam({.p = p + begin,
                   .m = m + begin,
                   .v = v + begin,
                   .g = g + begin,
                   .n = std::min(kPiece, n - begin),
                   .beta1 = static_cast<float>(a.beta1),
                   .one_minus_beta1 = static_cast<float>(1 - a.beta1),
                   .beta2 = static_cast<float>(a.beta2),
                   .one_minus_beta2 = static_cast<float>(1 - a.beta2),
                   .eps = a.eps,
                   .step_size = scalars.step_size,
                   .v_scale = scalars.v_scale,
                   .decay = scalars.decay,
                   .grad_scale = scalars.grad_scale});
  });
}

size_t CpuOps::workspace(const SumSquares& a) const {
  return Workspace::rounded(static_cast<size_t>(ceil_div(a.x.size(), kPiece)) * sizeof(double));
}

void CpuOps::sum_squares(const SumSquares& a) {
  const int64_t n = a.x.size(), pieces = ceil_div(n, kPiece);
  const float* x = host(a.x).data();
  Workspace::Frame frame(workspace_, workspace(a));
  double* sums = frame.take<double>(pieces);
  parallel(pieces, n > kPiece, [&](int64_t piece, int) {
    const int64_t begin = piece * kPiece;
    sums[piece] = kernels_.sum_squares(x + begin, std::min(kPiece, n - begin));
  });
  double sum = 0;
  for (int64_t i = 0; i < pieces; ++i) sum += sums[i];
  host(a.out)[0] = sum;
}

}  // namespace roberta::cpu
