#include <algorithm>
#include <cmath>

#include "backend/cpu/ops/cpu_ops.h"

namespace roberta::cpu {
namespace {

constexpr int64_t kPanelsBytes = 1 << 19;     // of packed x at once in gemm_grad
constexpr int64_t kRowPanelsBytes = 1 << 20;  // of packed dy
constexpr int64_t kPackedRows = 64;           // in one piece of packing
constexpr int64_t kRowPanelsOfPiece = 8;      // most row panels of one piece of gemm_grad
constexpr int64_t kLogitsBytes = 64 << 20;    // of exponentials at once in linear_cross_entropy_grad
constexpr int64_t kBlockBytes = 448 << 10;    // of x, as in cpu_ops.cc
constexpr int64_t kCrossEntropyCuts = 32;     // of the vocabulary; fixed, for the order of sums
constexpr int64_t kSmallProduct = 1 << 20;    // multiply-adds below which a second thread does not pay

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

void zero_rows(const View& v) {
  for (int64_t r = 0; r < v.rows; ++r) std::fill_n(v.row<float>(r), v.cols, 0.0f);
}

}  // namespace

void CpuOps::gemm_grad(const GemmGrad& a) {
  const int64_t rows = a.dy.rows;
  if (rows == 0 && !a.accumulate) {
    zero_rows(a.dw);
    zero_rows(a.db);
  }
  // In stages whose packed operands stay in the last-level cache: some rows at once, and of dy some columns.
  // Stages are whole parts of kGradSteps, so their borders never show in the order of the sums.
  const int64_t panels = std::max<int64_t>(1, ceil_div(a.dw.cols, kernels_.panel)),
                row_panels = ceil_div(a.dy.cols, kernels_.tile_rows);
  const int64_t panels_bytes = panels * kernels_.panel * kGradSteps * 4,
                row_panel_bytes = row_panel_floats(kernels_.tile_rows) * 4;
  const int64_t parts = std::max<int64_t>(1, kPanelsBytes / panels_bytes);
  const int64_t most = parts * kGradSteps * matrix(a.dy.dtype).grad_rows;
  const int64_t slices = ceil_div(row_panels * parts * row_panel_bytes, kRowPanelsBytes);
  for (int64_t row = 0; row < rows; row += most) {
    for (int64_t s = 0; s < slices; ++s) {
      gemm_grad_stage(a, {.row = row,
                          .rows = std::min(most, rows - row),
                          .row_panel = row_panels * s / slices,
                          .row_panels = row_panels * (s + 1) / slices - row_panels * s / slices,
                          .pack_x = a.dw && s == 0});
    }
  }
}

void CpuOps::gemm_grad_stage(const GemmGrad& a, const GradStage& g) {
  const MatrixKernels& kernels = matrix(a.dy.dtype);
  const int64_t k = a.dw.cols /* 0: the column sums of dy alone */, panel = kernels_.panel,
                panels = ceil_div(k, panel);
  const int64_t first = g.row_panel * kernels_.tile_rows,
                n = std::min(g.row_panels * kernels_.tile_rows, a.dy.cols - first);
  const int64_t steps = ceil_div(g.rows, kernels.grad_rows), parts = ceil_div(steps, kGradSteps);
  const int64_t row_panel = row_panel_floats(kernels_.tile_rows), part_floats = g.row_panels * row_panel;
  float* x_panels = panels_.floats(steps * panels * panel);
  float* dy_panels = row_panels_.floats(parts * part_floats);
  const bool worth_it = g.rows * n * k > kSmallProduct;
  parallel(ceil_div(g.rows, kPackedRows), worth_it, [&](int64_t piece, int) {
    const int64_t row = piece * kPackedRows, count = std::min(kPackedRows, g.rows - row);
    const int64_t step = row / kernels.grad_rows;
    if (g.pack_x) {
      kernels.pack_panels(a.x.slice(g.row + row, 1).data, a.x.stride, count, k, steps * panel,
                          x_panels + step * panel);
    }
    kernels.pack_row_panels(
        a.dy.slice(g.row + row, 1).columns(first, 1).data, a.dy.stride, count, n, row_panel,
        dy_panels + step / kGradSteps * part_floats + step % kGradSteps * kernels_.tile_rows);
  });
  // Row panels of one piece stay in the second-level cache while the panels pass.
  const int64_t rows_cuts = ceil_div(g.row_panels, kRowPanelsOfPiece);
  const int64_t columns_cuts =
      a.dw ? std::min(panels, ceil_div(threads_ == 1 ? 1 : 8 * threads_, rows_cuts)) : 1;
  parallel(rows_cuts * columns_cuts, worth_it, [&](int64_t piece, int) {
    const int64_t r = piece / columns_cuts, c = piece % columns_cuts;
    const int64_t begin = g.row_panels * r / rows_cuts, end = g.row_panels * (r + 1) / rows_cuts;
    const int64_t row = begin * kernels_.tile_rows;
    kernels.gemm_grad({.row_panels = dy_panels + begin * row_panel,
                       .part_floats = part_floats,
                       .x_panels = x_panels,
                       .steps = steps,
                       .n = std::min((end - begin) * kernels_.tile_rows, n - row),
                       .k = k,
                       .panel_begin = panels * c / columns_cuts,
                       .panel_end = panels * (c + 1) / columns_cuts,
                       .add = a.accumulate || g.row > 0,
                       .dw = a.dw ? a.dw.row<float>(first + row) : nullptr,
                       .dw_stride = a.dw.stride,
                       .db = a.db && c == 0 ? a.db.row<float>(0) + first + row : nullptr});
  });
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
