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
          .rows = host(a.counters).data() + row};
}

void CpuOps::dropout(const DropoutRows& a) {
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    kernels_.dropout({.x = host(a.x).row<float>(begin),
                      .x_stride = a.x.stride,
                      .draws = draws(a.dropout, begin),
                      .rows = count,
                      .cols = a.x.cols,
                      .y = host(a.y).row<float>(begin),
                      .y_stride = a.y.stride,
                      .y_bf16 = a.y_bf16 ? host(a.y_bf16).row<uint16_t>(begin) : nullptr,
                      .y_bf16_stride = a.y_bf16.stride});
  });
}

namespace {

/// The sums over rows: those of fixed blocks, then the blocks in order.
struct NormCut {
  int64_t height, blocks;
};
NormCut norm_cut(int64_t rows) {
  constexpr int64_t kMaxBlocks = 64, kMinRows = 32;
  const int64_t height = std::max(kMinRows, (rows + kMaxBlocks - 1) / kMaxBlocks);
  return {height, (rows + height - 1) / height};
}

}  // namespace

size_t CpuOps::workspace(const LayerNormGrad& a) const {
  return Workspace::rounded(static_cast<size_t>(norm_cut(a.dy.rows).blocks * 2 * a.dy.cols) * 4);
}

void CpuOps::layer_norm_grad(const LayerNormGrad& a) {
  const int64_t rows = a.dy.rows, cols = a.dy.cols;
  const int64_t height = norm_cut(rows).height, blocks = norm_cut(rows).blocks;
  Workspace::Frame frame(workspace_, workspace(a));
  float* partial = frame.take<float>(blocks * 2 * cols);
  parallel(blocks, rows * cols > (16 << 10), [&](int64_t block, int) {
    const int64_t begin = block * height;
    kernels_.layer_norm_grad({.dy = host(a.dy).row<float>(begin),
                              .dy_stride = a.dy.stride,
                              .sum = host(a.sum).row<float>(begin),
                              .sum_stride = a.sum.stride,
                              .stats = host(a.stats).row<float>(begin),
                              .stats_stride = a.stats.stride,
                              .gamma = static_cast<const float*>(a.gamma.data.address()),
                              .draws = draws(a.dropout, begin),
                              .rows = std::min(height, rows - begin),
                              .cols = cols,
                              .dgamma = partial + 2 * block * cols,
                              .dbeta = partial + (2 * block + 1) * cols,
                              .dresidual = host(a.dresidual).row<float>(begin),
                              .dresidual_stride = a.dresidual.stride,
                              .dx = a.dx.slice(begin, 1).data.address(),
                              .dx_stride = a.dx.stride,
                              .dx_bf16 = a.dx.dtype == DType::kBF16});
  });
  const auto add_up = [&](const DeviceView& sum, const float* first) {
    if (!sum) return;
    float* to = host(sum).row<float>(0);
    if (!a.accumulate) std::fill_n(to, cols, 0.0f);
    for (int64_t block = 0; block < blocks; ++block) kernels_.add(to, first + 2 * block * cols, cols);
  };
  add_up(a.dgamma, partial);
  add_up(a.dbeta, partial + cols);
}

size_t CpuOps::workspace(const AttentionGrad& a) const {
  return thread_bytes(attention_grad_scratch_bytes(kernels_, a.max_length, a.q.cols / a.heads));
}

void CpuOps::attention_grad(const AttentionGrad& a) {
  const int64_t d = a.q.cols / a.heads, sequences = a.starts.size() - 1;
  Workspace::Frame frame(workspace_, workspace(a));
  const int64_t own_bytes = static_cast<int64_t>(workspace(a)) / threads_;
  char* scratch = frame.take<char>(threads_ * own_bytes);
  parallel(sequences * a.heads, a.q.rows * a.q.cols > (1 << 10), [&](int64_t piece, int thread) {
    const size_t s = static_cast<size_t>(piece / a.heads);
    const int64_t head = piece % a.heads, row = host(a.q_starts)[s], start = host(a.starts)[s];
    const int64_t length = host(a.starts)[s + 1] - start;
    const auto at = [&](const DeviceView& v, int64_t first) {
      return v.slice(first, 1).columns(head * d, d).data.address();
    };
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
                                      .q_rows = host(a.q_starts)[s + 1] - row,
                                      .length = length,
                                      .width = d,
                                      .scale = a.scale,
                                      .draws = draws(a.dropout, row, head),
                                      .lse = host(a.lse).row<float>(row) + head,
                                      .lse_stride = a.lse.stride,
                                      .dq = at(a.dq, row),
                                      .dk = at(a.dk, start),
                                      .dv = at(a.dv, start),
                                      .dq_stride = a.dq.stride,
                                      .dk_stride = a.dk.stride,
                                      .dv_stride = a.dv.stride,
                                      .scratch = scratch + thread * own_bytes});
  });
}

}  // namespace roberta::cpu
