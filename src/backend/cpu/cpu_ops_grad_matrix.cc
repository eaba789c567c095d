#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_ops.h"

namespace roberta::cpu {
namespace {

constexpr int64_t kStageBytes = 8 << 20;    // of packed x in gemm_grad
constexpr int64_t kPackedRows = 64;         // of x, in one piece of packing
constexpr int64_t kStrips = 8;              // most strips of one piece of gemm_grad
constexpr int64_t kLogitsBytes = 64 << 20;  // of exponentials at once in linear_cross_entropy_grad
constexpr int64_t kBlockBytes = 448 << 10;  // of x, as in cpu_ops.cc
constexpr int64_t kCrossEntropyCuts = 32;   // of the vocabulary; fixed, for the order of sums
constexpr int64_t kSmallProduct = 1 << 20;  // multiply-adds below which a second thread does not pay

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

void zero_rows(const View& v) {
  for (int64_t r = 0; r < v.rows; ++r) std::fill_n(v.row<float>(r), v.cols, 0.0f);
}

}  // namespace

void CpuOps::gemm_grad(const GemmGrad& a) {
  const MatrixKernels& kernels = matrix(a.x.dtype);
  const int64_t rows = a.x.rows, n = a.dw.rows, k = a.dw.cols;
  if (rows == 0 && !a.accumulate) {
    zero_rows(a.dw);
    if (a.db) zero_rows(a.db);
  }
  const int64_t panels = ceil_div(k, kernels_.panel), strips = ceil_div(n, kernels_.tile_rows);
  const int64_t step_floats = panels * kernels_.panel;
  // A stage is a number of rows whose packed x is at most kStageBytes: whole parts of kGradSteps, so that its
  // borders never show in the order of the sums.
  const int64_t parts = std::max<int64_t>(1, kStageBytes / (4 * step_floats * kGradSteps));
  const int64_t stage = parts * kGradSteps * kernels.grad_rows;
  const int64_t strips_of_piece = std::clamp<int64_t>(strips / (8 * threads_), 1, kStrips);
  const bool worth_it = rows * n * k > kSmallProduct;
  for (int64_t begin = 0; begin < rows; begin += stage) {
    const int64_t count = std::min(stage, rows - begin), steps = ceil_div(count, kernels.grad_rows);
    float* x_panels =
        static_cast<float*>(shared_.get(static_cast<size_t>(steps * step_floats) * sizeof(float)));
    parallel(ceil_div(count, kPackedRows), worth_it, [&](int64_t piece, int) {
      const int64_t row = piece * kPackedRows;
      kernels.pack_grad_panels(a.x.slice(begin + row, 1).data, a.x.stride, std::min(kPackedRows, count - row),
                               k, steps, x_panels + row / kernels.grad_rows * kernels_.panel);
    });
    parallel(ceil_div(strips, strips_of_piece), worth_it, [&](int64_t piece, int thread) {
      const int64_t column = piece * strips_of_piece * kernels_.tile_rows;
      const int64_t columns = std::min(strips_of_piece * kernels_.tile_rows, n - column);
      const int64_t floats = grad_scratch_floats(kernels_.tile_rows, columns);
      kernels.gemm_grad({.dy = a.dy.slice(begin, 1).columns(column, 1).data,
                         .dy_stride = a.dy.stride,
                         .dy_columns = n - column,
                         .rows = count,
                         .n = columns,
                         .k = k,
                         .x_panels = x_panels,
                         .add = a.accumulate || begin > 0,
                         .dw = a.dw.row<float>(column),
                         .dw_stride = a.dw.stride,
                         .db = a.db ? a.db.row<float>(0) + column : nullptr,
                         .scratch = static_cast<float*>(scratch(thread, static_cast<size_t>(floats) * 4))});
    });
  }
}

/// Three products over the same rows. The exponentials of the logits are the only large matrix: in x's dtype,
/// turned in place into the gradients by the logits. Weights stream from memory once a product.
void CpuOps::linear_cross_entropy_grad(const LinearCrossEntropyGrad& a) {
  const DType dtype = a.w->dtype;
  const int64_t stride = padded_stride(round_up(a.w->rows, kernels_.panel), dtype);
  const int64_t most = std::max<int64_t>(1, kLogitsBytes / (stride * size_of(dtype)));
  const int64_t chunks = std::max<int64_t>(1, ceil_div(a.x.rows, most));
  for (int64_t c = 0; c < chunks; ++c) {
    const int64_t row = a.x.rows * c / chunks, rows = a.x.rows * (c + 1) / chunks - row;
    LinearCrossEntropyGrad part = a;
    part.x = a.x.slice(row, rows);
    part.targets = a.targets.subspan(static_cast<size_t>(row), static_cast<size_t>(rows));
    part.loss = a.loss.slice(row, rows);
    const View dlogits{logits_.get(static_cast<size_t>(rows * stride * size_of(dtype))), rows, a.w->rows,
                       stride, dtype};
    logits_grad(part, dlogits);
    gemm({.x = dlogits, .w = a.w_transposed, .y = a.dx.slice(row, rows)});
    gemm_grad({.dy = dlogits, .x = part.x, .accumulate = a.accumulate || c > 0, .dw = a.dw, .db = a.db});
  }
}

void CpuOps::logits_grad(const LinearCrossEntropyGrad& a, const View& dlogits) {
  const int64_t rows = a.x.rows, n = a.w->rows, k = a.w->cols, element = size_of(a.w->dtype);
  const int64_t panels = ceil_div(n, kernels_.panel), cuts = std::min(panels, kCrossEntropyCuts);
  const int64_t most =
      std::max(kBlockBytes / (k * element) / kernels_.tile_rows, int64_t{1}) * kernels_.tile_rows;
  const int64_t blocks = ceil_div(rows, most);
  const bool bf16 = dlogits.dtype == DType::kBF16;
  std::vector<float> max_sum(static_cast<size_t>(rows * cuts * 2)), target(static_cast<size_t>(rows)),
      shifts(static_cast<size_t>(rows * panels));
  parallel(blocks * cuts, true, [&](int64_t piece, int thread) {
    const int64_t b = piece / cuts, c = piece % cuts;
    const int64_t begin = rows * b / blocks, count = rows * (b + 1) / blocks - begin;
    const int64_t floats = (kernels_.tile_rows + count) * kernels_.panel;
    float* own = static_cast<float*>(scratch(thread, static_cast<size_t>(floats) * sizeof(float)));
    matrix(a.w->dtype)
        .cross_entropy_exps({.x = a.x.slice(begin, count).data,
                             .x_stride = a.x.stride,
                             .rows = count,
                             .w = a.w->data,
                             .bias = static_cast<const float*>(a.bias.data),
                             .n = n,
                             .k = k,
                             .panel_begin = panels * c / cuts,
                             .panel_end = panels * (c + 1) / cuts,
                             .targets = a.targets.data() + begin,
                             .max_sum = max_sum.data() + (begin * cuts + c) * 2,
                             .max_sum_stride = cuts * 2,
                             .target_logit = target.data() + begin,
                             .scratch = own},
                            {.exps = dlogits.slice(begin, count).data,
                             .exps_stride = dlogits.stride,
                             .exps_bf16 = bf16,
                             .shifts = shifts.data() + begin * panels,
                             .shifts_stride = panels,
                             .lane_sums = own + kernels_.tile_rows * kernels_.panel});
  });
  parallel(rows, true, [&](int64_t r, int) {
    const float* ms = max_sum.data() + r * cuts * 2;  // the cuts in their own order
    double top = ms[0], total = 0;
    for (int64_t c = 1; c < cuts; ++c) top = std::max<double>(top, ms[2 * c]);
    for (int64_t c = 0; c < cuts; ++c) total += ms[2 * c + 1] * std::exp(ms[2 * c] - top);
    const double lse = top + std::log(total), wanted = target[static_cast<size_t>(r)];
    *a.loss.row<float>(r) = static_cast<float>(lse - wanted);
    kernels_.cross_entropy_row_grad(dlogits.slice(r, 1).data, bf16, shifts.data() + r * panels, n,
                                    static_cast<float>(lse), a.scale, a.targets[static_cast<size_t>(r)],
                                    static_cast<float>(wanted));
  });
}

void CpuOps::pack(const PackWeight& a) {
  const Weight& some = a.w ? *a.w : *a.w_transposed;
  const MatrixKernels& kernels = matrix(some.dtype);
  const int64_t n = a.source.rows, k = a.source.cols, panel = kernels_.panel;
  const int64_t step = panel_bytes(panel, k, size_of(some.dtype));
  parallel(ceil_div(n, panel), n * k > kSmallProduct / 64, [&](int64_t piece, int) {
    const int64_t row = piece * panel, rows = std::min(panel, n - row);
    const float* source = a.source.row<float>(row);
    if (a.w)
      kernels.pack_rows_f32(source, a.source.stride, rows, k, static_cast<char*>(a.w->data) + piece * step);
    if (a.w_transposed)
      kernels.pack_columns_f32(source, a.source.stride, row, rows, n, k, a.w_transposed->data);
  });
}

}  // namespace roberta::cpu
