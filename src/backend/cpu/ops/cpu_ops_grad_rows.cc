// Dropout, and the gradients of LayerNorm and attention.

#include <algorithm>

#include "backend/cpu/ops/cpu_ops.h"
#include "core/error.h"

namespace roberta::cpu {

Draws CpuOps::draws(const Dropout& a, int64_t row, int64_t head) {
  const uint32_t threshold = a.threshold();
  if (threshold == 0) return {};
  if (threshold > 65535) fail(ErrorCode::kUsage, "[cpu] dropout rate ", a.rate, ": must be less than 1");
  return {.threshold = threshold,
          .factor = 65536.0f / static_cast<float>(65536 - threshold),
          .key = {static_cast<uint32_t>(a.key), static_cast<uint32_t>(a.key >> 32)},
          .site = a.site,
          .head = static_cast<uint32_t>(head),
          .rows = a.counters.data() + row};
}

void CpuOps::dropout(const DropoutRows& a) {
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    kernels_.dropout({.x = a.x.row<float>(begin),
                      .x_stride = a.x.stride,
                      .draws = draws(a.dropout, begin),
                      .rows = count,
                      .cols = a.x.cols,
                      .y = a.y.row<float>(begin),
                      .y_stride = a.y.stride,
                      .y_bf16 = a.y_bf16 ? a.y_bf16.row<uint16_t>(begin) : nullptr,
                      .y_bf16_stride = a.y_bf16.stride});
  });
}

void CpuOps::layer_norm_grad(const LayerNormGrad& a) {
  // The sums over rows: those of fixed blocks, then the blocks in order.
  constexpr int64_t kMaxBlocks = 64, kMinRows = 32;
  const int64_t rows = a.dy.rows, cols = a.dy.cols;
  const int64_t height = std::max(kMinRows, (rows + kMaxBlocks - 1) / kMaxBlocks);
  const int64_t blocks = (rows + height - 1) / height;
  float* partial = static_cast<float*>(scratch(0, static_cast<size_t>(blocks * 2 * cols) * sizeof(float)));
  parallel(blocks, rows * cols > (16 << 10), [&](int64_t block, int) {
    const int64_t begin = block * height;
    kernels_.layer_norm_grad({.dy = a.dy.row<float>(begin),
                              .dy_stride = a.dy.stride,
                              .sum = a.sum.row<float>(begin),
                              .sum_stride = a.sum.stride,
                              .stats = a.stats.row<float>(begin),
                              .stats_stride = a.stats.stride,
                              .gamma = static_cast<const float*>(a.gamma.data),
                              .draws = draws(a.dropout, begin),
                              .rows = std::min(height, rows - begin),
                              .cols = cols,
                              .dgamma = partial + 2 * block * cols,
                              .dbeta = partial + (2 * block + 1) * cols,
                              .dresidual = a.dresidual.row<float>(begin),
                              .dresidual_stride = a.dresidual.stride,
                              .dx = a.dx.slice(begin, 1).data,
                              .dx_stride = a.dx.stride,
                              .dx_bf16 = a.dx.dtype == DType::kBF16});
  });
  const auto add_up = [&](const View& sum, const float* first) {
    if (!sum) return;
    float* to = sum.row<float>(0);
    if (!a.accumulate) std::fill_n(to, cols, 0.0f);
    for (int64_t block = 0; block < blocks; ++block) kernels_.add(to, first + 2 * block * cols, cols);
  };
  add_up(a.dgamma, partial);
  add_up(a.dbeta, partial + cols);
}

void CpuOps::attention_grad(const AttentionGrad& a) {
  const int64_t d = a.q.cols / a.heads, sequences = static_cast<int64_t>(a.starts.size()) - 1;
  parallel(sequences * a.heads, a.q.rows * a.q.cols > (1 << 10), [&](int64_t piece, int thread) {
    const size_t s = static_cast<size_t>(piece / a.heads);
    const int64_t head = piece % a.heads, row = a.q_starts[s], start = a.starts[s];
    const int64_t length = a.starts[s + 1] - start;
    const auto at = [&](const View& v, int64_t first) { return v.slice(first, 1).columns(head * d, d).data; };
    const size_t bytes = static_cast<size_t>(attention_grad_scratch_bytes(kernels_, length, d));
    matrix(a.q.dtype).attention_grad({.q = at(a.q, row),
                                      .k = at(a.k, start),
                                      .v = at(a.v, start),
                                      .y = at(a.y, row),
                                      .dy = at(a.dy, row),
                                      .q_stride = a.q.stride,
                                      .k_stride = a.k.stride,
                                      .v_stride = a.v.stride,
                                      .y_stride = a.y.stride,
                                      .dy_stride = a.dy.stride,
                                      .q_rows = a.q_starts[s + 1] - row,
                                      .length = length,
                                      .width = d,
                                      .scale = a.scale,
                                      .draws = draws(a.dropout, row, head),
                                      .lse = a.lse.row<float>(row) + head,
                                      .lse_stride = a.lse.stride,
                                      .dq = at(a.dq, row),
                                      .dk = at(a.dk, start),
                                      .dv = at(a.dv, start),
                                      .dq_stride = a.dq.stride,
                                      .dk_stride = a.dk.stride,
                                      .dv_stride = a.dv.stride,
                                      .scratch = scratch(thread, bytes)});
  });
}

}  // namespace roberta::cpu
