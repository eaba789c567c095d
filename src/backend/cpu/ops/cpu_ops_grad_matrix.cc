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

void zero_rows(const DeviceView& v) {
  for (int64_t r = 0; r < v.rows; ++r) std::fill_n(host(v).row<float>(r), v.cols, 0.0f);
}

}  // namespace

/// Stages whose packed operands stay in the last-level cache: some rows at once, and of dy some columns. They
/// are whole parts of kGradSteps, so their borders never show in the order of the sums.
struct CpuOps::GradCut {
  int64_t row_panels, slices;  // of dy; of them in a stage
  int64_t rows;                // of a stage
  int64_t x_floats, dy_floats;
};

CpuOps::GradCut CpuOps::grad_cut(const GemmGrad& a) const {
  const int64_t panels = ceil_div(a.dw.cols, kernels_.panel), grad_rows = matrix(a.dy.dtype).grad_rows;
  const int64_t panels_bytes = std::max<int64_t>(1, panels) * kernels_.panel * kGradSteps * 4;
  const int64_t parts = std::max<int64_t>(1, kPanelsBytes / panels_bytes);
  GradCut cut{};
  cut.row_panels = ceil_div(a.dy.cols, kernels_.tile_rows);
  cut.slices = ceil_div(cut.row_panels * parts * row_panel_floats(kernels_.tile_rows) * 4, kRowPanelsBytes);
  cut.rows = parts * kGradSteps * grad_rows;
  const int64_t steps = ceil_div(std::min(cut.rows, a.dy.rows), grad_rows);
  cut.x_floats = steps * panels * kernels_.panel;
  cut.dy_floats = ceil_div(steps, kGradSteps) * ceil_div(cut.row_panels, std::max<int64_t>(1, cut.slices)) *
                  row_panel_floats(kernels_.tile_rows);
  return cut;
}

size_t CpuOps::workspace(const GemmGrad& a) const {
  const GradCut cut = grad_cut(a);
  return Workspace::rounded(static_cast<size_t>(cut.x_floats) * 4) +
         Workspace::rounded(static_cast<size_t>(cut.dy_floats) * 4);
}

void CpuOps::gemm_grad(const GemmGrad& a) {
  const int64_t rows = a.dy.rows;
  if (rows == 0 && !a.accumulate) {
    zero_rows(a.dw);
    zero_rows(a.db);
  }
  const GradCut cut = grad_cut(a);
  Workspace::Frame frame(workspace_, workspace(a));
  float* x_panels = frame.take<float>(cut.x_floats);
  float* dy_panels = frame.take<float>(cut.dy_floats);
  for (int64_t row = 0; row < rows; row += cut.rows) {
    for (int64_t s = 0; s < cut.slices; ++s) {
      const int64_t first = cut.row_panels * s / cut.slices;
      gemm_grad_stage(a, {.row = row,
                          .rows = std::min(cut.rows, rows - row),
                          .row_panel = first,
                          .row_panels = cut.row_panels * (s + 1) / cut.slices - first,
                          .pack_x = a.dw && s == 0,
                          .x_panels = x_panels,
                          .dy_panels = dy_panels});
    }
  }
}

void CpuOps::gemm_grad_stage(const GemmGrad& a, const GradStage& g) {
  const MatrixKernels& kernels = matrix(a.dy.dtype);
  const int64_t k = a.dw.cols /* 0: the column sums of dy alone */, panel = kernels_.panel,
                panels = ceil_div(k, panel);
  const int64_t first = g.row_panel * kernels_.tile_rows,
                n = std::min(g.row_panels * kernels_.tile_rows, a.dy.cols - first);
  const int64_t steps = ceil_div(g.rows, kernels.grad_rows);
  const int64_t row_panel = row_panel_floats(kernels_.tile_rows), part_floats = g.row_panels * row_panel;
  float *x_panels = g.x_panels, *dy_panels = g.dy_panels;
  const bool worth_it = g.rows * n * k > kSmallProduct;
  parallel(ceil_div(g.rows, kPackedRows), worth_it, [&](int64_t piece, int) {
    const int64_t row = piece * kPackedRows, count = std::min(kPackedRows, g.rows - row);
    const int64_t step = row / kernels.grad_rows;
    if (g.pack_x) {
      kernels.pack_panels(a.x.slice(g.row + row, 1).data.address(), a.x.stride, count, k, steps * panel,
                          x_panels + step * panel);
    }
    kernels.pack_row_panels(
        a.dy.slice(g.row + row, 1).columns(first, 1).data.address(), a.dy.stride, count, n, row_panel,
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
                       .dw = a.dw ? host(a.dw).row<float>(first + row) : nullptr,
                       .dw_stride = a.dw.stride,
                       .db = a.db && c == 0 ? host(a.db).row<float>(0) + first + row : nullptr});
  });
}

namespace {

/// Rows of logits at once, and from row to row.
struct LogitsCut {
  int64_t stride, chunks, rows;
  size_t bytes;
};
LogitsCut logits_cut(const LinearCrossEntropyGrad& a, int64_t panel) {
  const DType dtype = a.w->dtype;
  const int64_t stride = padded_stride(round_up(a.w->rows, panel), dtype);
  const int64_t most = std::max<int64_t>(1, kLogitsBytes / (stride * size_of(dtype)));
  const int64_t chunks = std::max<int64_t>(1, ceil_div(a.x.rows, most)), rows = ceil_div(a.x.rows, chunks);
  return {stride, chunks, rows, static_cast<size_t>(rows * stride * size_of(dtype))};
}
/// The products by the gradients of the logits, [rows, V].
Gemm input_gradient(const LinearCrossEntropyGrad& a, const DeviceView& dlogits, const DeviceView& dx) {
  return {.x = dlogits, .w = a.w_transposed, .y = dx};
}
GemmGrad weight_gradient(const LinearCrossEntropyGrad& a, const DeviceView& dlogits, const DeviceView& x,
                         bool accumulate) {
  return {.dy = dlogits, .x = x, .accumulate = accumulate, .dw = a.dw, .db = a.db};
}

}  // namespace

size_t CpuOps::workspace(const LinearCrossEntropyGrad& a) const {
  const LogitsCut cut = logits_cut(a, kernels_.panel);
  const DeviceView dlogits{{}, cut.rows, a.w->rows, cut.stride, a.w->dtype};
  return Workspace::rounded(cut.bytes) +
         std::max({logits_grad_bytes(a, cut.rows), workspace(input_gradient(a, dlogits, a.dx)),
                   workspace(weight_gradient(a, dlogits, a.x, true))});
}

/// Three products over the same rows. The exponentials of the logits are the only large matrix: in x's dtype,
/// turned in place into the gradients by the logits. Weights stream from memory once a product.
void CpuOps::linear_cross_entropy_grad(const LinearCrossEntropyGrad& a) {
  const LogitsCut cut = logits_cut(a, kernels_.panel);
  Workspace::Frame frame(workspace_, workspace(a));
  const DevicePtr logits(frame.take<char>(static_cast<int64_t>(cut.bytes)));
  for (int64_t c = 0; c < cut.chunks; ++c) {
    const int64_t row = a.x.rows * c / cut.chunks, rows = a.x.rows * (c + 1) / cut.chunks - row;
    LinearCrossEntropyGrad part = a;
    part.x = a.x.slice(row, rows);
    part.targets = a.targets.subspan(row, rows);
    part.loss = a.loss.slice(row, rows);
    const DeviceView dlogits{logits, rows, a.w->rows, cut.stride, a.w->dtype};
    logits_grad(part, dlogits);
    gemm(input_gradient(a, dlogits, a.dx.slice(row, rows)));
    gemm_grad(weight_gradient(a, dlogits, part.x, a.accumulate || c > 0));
  }
}

namespace {

/// How the product that makes the logits is cut; the cuts of the vocabulary are part of the result.
struct ExpsCut {
  int64_t panels, cuts, blocks, own_floats;
};
ExpsCut exps_cut(const Weight& w, int64_t rows, const Kernels& kernels) {
  const int64_t panels = ceil_div(w.rows, kernels.panel);
  const int64_t most =
      std::max(kBlockBytes / (w.cols * size_of(w.dtype)) / kernels.tile_rows, int64_t{1}) * kernels.tile_rows;
  const int64_t blocks = ceil_div(rows, most), block_rows = blocks > 0 ? ceil_div(rows, blocks) : 0;
  return {panels, std::min(panels, kCrossEntropyCuts), blocks,
          round_up((kernels.tile_rows + block_rows) * kernels.panel, 16)};
}

}  // namespace

size_t CpuOps::logits_grad_bytes(const LinearCrossEntropyGrad& a, int64_t rows) const {
  const ExpsCut cut = exps_cut(*a.w, rows, kernels_);
  const auto floats = [](int64_t n) { return Workspace::rounded(static_cast<size_t>(n) * 4); };
  return floats(rows * cut.cuts * 2) + floats(rows) + floats(rows * cut.panels) +
         floats(threads_ * cut.own_floats);
}

void CpuOps::logits_grad(const LinearCrossEntropyGrad& a, const DeviceView& dlogits) {
  const int64_t rows = a.x.rows, n = a.w->rows, k = a.w->cols;
  const ExpsCut cut = exps_cut(*a.w, rows, kernels_);  // clang 14 captures no structured bindings
  const int64_t panels = cut.panels, cuts = cut.cuts, blocks = cut.blocks, own_floats = cut.own_floats;
  const bool bf16 = dlogits.dtype == DType::kBF16;
  Workspace::Frame frame(workspace_, logits_grad_bytes(a, rows));
  float* max_sum = frame.take<float>(rows * cuts * 2);
  float* target = frame.take<float>(rows);
  float* shifts = frame.take<float>(rows * panels);
  float* scratch = frame.take<float>(threads_ * own_floats);
  parallel(blocks * cuts, true, [&](int64_t piece, int thread) {
    const int64_t b = piece / cuts, c = piece % cuts;
    const int64_t begin = rows * b / blocks, count = rows * (b + 1) / blocks - begin;
    float* own = scratch + thread * own_floats;
    matrix(a.w->dtype)
        .cross_entropy_exps({.x = a.x.slice(begin, count).data.address(),
                             .x_stride = a.x.stride,
                             .rows = count,
                             .w = a.w->data.address(),
                             .bias = static_cast<const float*>(a.bias.data.address()),
                             .n = n,
                             .k = k,
                             .panel_begin = panels * c / cuts,
                             .panel_end = panels * (c + 1) / cuts,
                             .targets = host(a.targets).data() + begin,
                             .max_sum = max_sum + (begin * cuts + c) * 2,
                             .max_sum_stride = cuts * 2,
                             .target_logit = target + begin,
                             .scratch = own},
                            {.exps = dlogits.slice(begin, count).data.address(),
                             .exps_stride = dlogits.stride,
                             .exps_bf16 = bf16,
                             .shifts = shifts + begin * panels,
                             .shifts_stride = panels,
                             .lane_sums = own + kernels_.tile_rows * kernels_.panel});
  });
  parallel(rows, true, [&](int64_t r, int) {
    const float* ms = max_sum + r * cuts * 2;  // the cuts in their own order
    double top = ms[0], total = 0;
    for (int64_t c = 1; c < cuts; ++c) top = std::max<double>(top, ms[2 * c]);
    for (int64_t c = 0; c < cuts; ++c) total += ms[2 * c + 1] * std::exp(ms[2 * c] - top);
    const double lse = top + std::log(total), wanted = target[r];
    *host(a.loss).row<float>(r) = static_cast<float>(lse - wanted);
    kernels_.cross_entropy_row_grad(dlogits.slice(r, 1).data.address(), bf16, shifts + r * panels, n,
                                    static_cast<float>(lse), a.scale, host(a.targets)[static_cast<size_t>(r)],
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
    const float* source = host(a.source).row<float>(row);
    if (a.w)
      kernels.pack_rows_f32(source, a.source.stride, rows, k,
                            static_cast<char*>(a.w->data.address()) + piece * step);
    if (a.w_transposed)
      kernels.pack_columns_f32(source, a.source.stride, row, rows, n, k, a.w_transposed->data.address());
  });
}

}  // namespace roberta::cpu
