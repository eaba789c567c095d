#include "backend/cpu/ops/cpu_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/parallel.h"

namespace roberta::cpu {
namespace {

constexpr int64_t kBlockBytes =
    448 << 10;                            // of x: stays in the second-level cache (1 MiB) beside a panel of w
constexpr int64_t kSmallWork = 16 << 10;  // elements below which a second thread costs more than it brings
constexpr int64_t kQueryRows = 256;       // of one attention piece: packing of the keys is spread over them
constexpr int64_t kCrossEntropyPieces = 64;  // cuts of the vocabulary; fixed, for the order of sums
constexpr int64_t kSplitPanels = 8;  // most panels of one piece when K is split: bounds the partial sums

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

CpuOps::CpuOps(const Kernels& kernels, int threads)
    : kernels_(kernels), threads_(std::max(1, threads)), scratch_(static_cast<size_t>(threads_)) {}

void* CpuOps::scratch(int thread, size_t bytes) {
  std::vector<char>& own = scratch_[static_cast<size_t>(thread)];
  if (own.size() < bytes + 64) own.resize(bytes + 64);
  return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(own.data()) + 63) / 64 * 64);
}

void CpuOps::parallel(int64_t pieces, bool worth_it, const std::function<void(int64_t, int)>& work) const {
  parallel_for(worth_it ? threads_ : 1, pieces, work);
}

void CpuOps::parallel_rows(int64_t rows, int64_t cols,
                           const std::function<void(int64_t, int64_t)>& work) const {
  const int64_t block = std::max<int64_t>(1, kSmallWork / std::max<int64_t>(1, cols));
  parallel(ceil_div(rows, block), rows * cols > kSmallWork,
           [&](int64_t i, int) { work(i * block, std::min(block, rows - i * block)); });
}

void CpuOps::gemm(const Gemm& a) {
  const int64_t element = size_of(a.w->dtype), n = a.w->rows, k = a.w->cols;
  if (a.x.rows == 0) return;
  const int64_t panels = ceil_div(n, kernels_.panel), part = k_part(k, element);
  const int64_t most =
      std::max(kBlockBytes / (part * element) / kernels_.tile_rows, int64_t{1}) * kernels_.tile_rows;
  const int64_t blocks = ceil_div(a.x.rows, std::min<int64_t>(most, 288));
  // Enough pieces to keep the threads even, few enough that a block of x is read from near memory for many
  // panels.
  int64_t groups = std::min(panels, ceil_div(threads_ == 1 ? 1 : 8 * threads_, blocks));
  if (part < k) groups = std::max(groups, ceil_div(panels, kSplitPanels));
  GemmBlock whole{.x = a.x.data,
                  .x_stride = a.x.stride,
                  .w = a.w->data,
                  .n = n,
                  .k = k,
                  .out = {.bias = static_cast<const float*>(a.bias.data),
                          .activation = static_cast<int>(a.act),
                          .pre = a.pre.data,
                          .pre_stride = a.pre.stride,
                          .pre_bf16 = a.pre.dtype == DType::kBF16,
                          .gelu_pre = a.gelu_pre.data,
                          .gelu_pre_stride = a.gelu_pre.stride,
                          .gelu_pre_bf16 = a.gelu_pre.dtype == DType::kBF16,
                          .add = static_cast<const float*>(a.add.data),
                          .add_stride = a.add.stride,
                          .y = a.y.data,
                          .y_stride = a.y.stride,
                          .y_bf16 = a.y.dtype == DType::kBF16}};
  const bool worth_it = a.x.rows * n * k > 64 * kSmallWork;
  parallel(blocks * groups, worth_it, [&](int64_t piece, int thread) {
    const int64_t b = piece / groups, g = piece % groups;
    const int64_t row = a.x.rows * b / blocks;
    GemmBlock block = whole;
    block.rows = a.x.rows * (b + 1) / blocks - row;
    block.panel_begin = panels * g / groups;
    block.panel_end = panels * (g + 1) / groups;
    block.x = a.x.slice(row, block.rows).data;
    block.out.y = a.y.slice(row, block.rows).data;
    block.out.pre = a.pre.slice(row, block.rows).data;
    block.out.gelu_pre = a.gelu_pre.slice(row, block.rows).data;
    block.out.add = static_cast<const float*>(a.add.slice(row, block.rows).data);
    if (part < k) {
      const int64_t columns = (block.panel_end - block.panel_begin) * kernels_.panel;
      block.scratch =
          static_cast<float*>(scratch(thread, static_cast<size_t>(block.rows * columns) * sizeof(float)));
    }
    matrix(a.w->dtype).gemm(block);
  });
}

void CpuOps::embed(const Embed& a) {
  const int64_t c = a.y.cols;
  parallel_rows(a.y.rows, c * 8, [&](int64_t begin, int64_t count) {
    for (int64_t t = begin; t < begin + count; ++t) {
      float* y = a.y.row<float>(t);
      matrix(a.word->dtype).read_row(a.word->data, a.ids[static_cast<size_t>(t)], c, y);
      kernels_.add(y, a.type.row<float>(0), c);
      kernels_.add(y, a.position.row<float>(a.positions[static_cast<size_t>(t)]), c);
    }
  });
}

void CpuOps::layer_norm(const LayerNorm& a) {
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    kernels_.layer_norm({.x = a.x.row<float>(begin),
                         .x_stride = a.x.stride,
                         .residual = a.residual ? a.residual.row<float>(begin) : nullptr,
                         .residual_stride = a.residual.stride,
                         .gamma = static_cast<const float*>(a.gamma.data),
                         .beta = static_cast<const float*>(a.beta.data),
                         .eps = a.eps,
                         .draws = draws(a.dropout, begin),
                         .rows = count,
                         .cols = a.x.cols,
                         .y = a.y.row<float>(begin),
                         .y_stride = a.y.stride,
                         .y_bf16 = a.y_bf16 ? a.y_bf16.row<uint16_t>(begin) : nullptr,
                         .y_bf16_stride = a.y_bf16.stride,
                         .sum = a.sum ? a.sum.row<float>(begin) : nullptr,
                         .sum_stride = a.sum.stride,
                         .stats = a.stats ? a.stats.row<float>(begin) : nullptr,
                         .stats_stride = a.stats.stride});
  });
}

void CpuOps::attention(const Attention& a) {
  struct Piece {
    int32_t sequence, head, row, rows;
  };
  std::vector<Piece> pieces;
  const size_t sequences = a.starts.size() - 1;
  for (size_t s = 0; s < sequences; ++s) {
    for (int32_t row = a.q_starts[s]; row < a.q_starts[s + 1]; row += kQueryRows) {
      const int32_t rows = std::min<int32_t>(kQueryRows, a.q_starts[s + 1] - row);
      for (int32_t h = 0; h < a.heads; ++h) pieces.push_back({static_cast<int32_t>(s), h, row, rows});
    }
  }
  const int64_t d = a.q.cols / a.heads;
  parallel(static_cast<int64_t>(pieces.size()), a.q.rows * a.q.cols > kSmallWork / 16,
           [&](int64_t i, int thread) {
             const Piece& p = pieces[static_cast<size_t>(i)];
             const int64_t start = a.starts[static_cast<size_t>(p.sequence)];
             const int64_t length = a.starts[static_cast<size_t>(p.sequence) + 1] - start;
             const auto at = [&](const View& v, int64_t row) {
               return v.slice(row, 1).columns(p.head * d, d).data;
             };
             const size_t bytes = static_cast<size_t>(attention_scratch_bytes(kernels_, length, d));
             matrix(a.q.dtype).attention({.q = at(a.q, p.row),
                                          .k = at(a.k, start),
                                          .v = at(a.v, start),
                                          .q_stride = a.q.stride,
                                          .k_stride = a.k.stride,
                                          .v_stride = a.v.stride,
                                          .q_rows = p.rows,
                                          .length = length,
                                          .width = d,
                                          .scale = a.scale,
                                          .draws = draws(a.dropout, p.row, p.head),
                                          .y = at(a.y, p.row),
                                          .y_stride = a.y.stride,
                                          .lse = a.lse ? a.lse.row<float>(p.row) + p.head : nullptr,
                                          .lse_stride = a.lse.stride,
                                          .scratch = scratch(thread, bytes)});
           });
}

void CpuOps::gather_rows(const GatherRows& a) {
  const size_t bytes = static_cast<size_t>(a.x.cols * size_of(a.x.dtype));
  for (int64_t i = 0; i < static_cast<int64_t>(a.rows.size()); ++i) {
    std::memcpy(a.y.row<char>(0) + i * a.y.stride * size_of(a.y.dtype),
                a.x.row<char>(0) + a.rows[static_cast<size_t>(i)] * a.x.stride * size_of(a.x.dtype), bytes);
  }
}

void CpuOps::linear_cross_entropy(const LinearCrossEntropy& a) {
  const int64_t rows = a.x.rows, n = a.w->rows, k = a.w->cols, element = size_of(a.w->dtype);
  const int64_t panels = ceil_div(n, kernels_.panel), cuts = std::min(panels, kCrossEntropyPieces);
  const int64_t most =
      std::max(kBlockBytes / (k * element) / kernels_.tile_rows, int64_t{1}) * kernels_.tile_rows;
  const int64_t blocks = ceil_div(rows, most);
  std::vector<float> max_sum(static_cast<size_t>(rows * cuts * 2)), target(static_cast<size_t>(rows));
  parallel(blocks * cuts, true, [&](int64_t piece, int thread) {
    const int64_t b = piece / cuts, c = piece % cuts;
    const int64_t begin = rows * b / blocks, count = rows * (b + 1) / blocks - begin;
    const size_t bytes = static_cast<size_t>(kernels_.tile_rows * kernels_.panel) * sizeof(float);
    matrix(a.w->dtype)
        .cross_entropy({.x = a.x.slice(begin, count).data,
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
                        .scratch = static_cast<float*>(scratch(thread, bytes))});
  });
  for (int64_t r = 0; r < rows; ++r) {  // the cuts in their own order
    const float* ms = max_sum.data() + r * cuts * 2;
    float top = ms[0];
    for (int64_t c = 1; c < cuts; ++c) top = std::max(top, ms[2 * c]);
    double total = 0;
    for (int64_t c = 0; c < cuts; ++c)
      total += ms[2 * c + 1] * std::exp(static_cast<double>(ms[2 * c]) - top);
    *a.loss.row<float>(r) = static_cast<float>(top - target[static_cast<size_t>(r)] + std::log(total));
  }
}

void CpuOps::cast(const Cast& a) {
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    for (int64_t r = begin; r < begin + count; ++r) {
      if (a.x.dtype == a.y.dtype) {
        std::memcpy(a.y.slice(r, 1).data, a.x.slice(r, 1).data,
                    static_cast<size_t>(a.x.cols * size_of(a.x.dtype)));
      } else if (a.y.dtype == DType::kBF16) {
        kernels_.to_bf16(a.x.row<float>(r), a.y.row<uint16_t>(r), a.x.cols);
      } else {
        kernels_.from_bf16(a.x.row<uint16_t>(r), a.y.row<float>(r), a.x.cols);
      }
    }
  });
}

}  // namespace roberta::cpu
