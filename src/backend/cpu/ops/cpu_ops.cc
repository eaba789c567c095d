#include "backend/cpu/ops/cpu_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/largest.h"
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

CpuOps::CpuOps(const Kernels& kernels, int threads) : kernels_(kernels), threads_(std::max(1, threads)) {}

void CpuOps::parallel(int64_t pieces, bool worth_it, const std::function<void(int64_t, int)>& work) const {
  parallel_for(worth_it ? threads_ : 1, pieces, work);
}

void CpuOps::parallel_rows(int64_t rows, int64_t cols,
                           const std::function<void(int64_t, int64_t)>& work) const {
  const int64_t block = std::max<int64_t>(1, kSmallWork / std::max<int64_t>(1, cols));
  parallel(ceil_div(rows, block), rows * cols > kSmallWork,
           [&](int64_t i, int) { work(i * block, std::min(block, rows - i * block)); });
}

namespace {

/// How a product is cut into pieces: blocks of rows, groups of panels.
struct GemmCut {
  int64_t panels, part;  // part: columns of K at once
  int64_t blocks, groups;
  int64_t partial_floats = 0;  // sums of one piece between two parts
};

GemmCut gemm_cut(const Gemm& a, const Kernels& kernels, int threads) {
  const int64_t element = size_of(a.w->dtype), n = a.w->rows, k = a.w->cols;
  GemmCut cut{.panels = ceil_div(n, kernels.panel), .part = k_part(k, element), .blocks = 0, .groups = 0};
  const int64_t most =
      std::max(kBlockBytes / (cut.part * element) / kernels.tile_rows, int64_t{1}) * kernels.tile_rows;
  cut.blocks = ceil_div(a.x.rows, std::min<int64_t>(most, 288));
  // Enough pieces to keep the threads even, few enough that a block of x is read from near memory for many
  // panels.
  cut.groups = std::min(cut.panels, ceil_div(threads == 1 ? 1 : 8 * threads, cut.blocks));
  if (cut.part < k) {
    cut.groups = std::max(cut.groups, ceil_div(cut.panels, kSplitPanels));
    cut.partial_floats = ceil_div(a.x.rows, cut.blocks) * ceil_div(cut.panels, cut.groups) * kernels.panel;
  }
  return cut;
}

}  // namespace

size_t CpuOps::workspace(const Gemm& a) const {
  return a.x.rows == 0 ? 0 : thread_bytes(gemm_cut(a, kernels_, threads_).partial_floats * 4);
}

void CpuOps::gemm(const Gemm& a) {
  if (a.x.rows == 0) return;
  const int64_t n = a.w->rows, k = a.w->cols;
  const GemmCut cut = gemm_cut(a, kernels_, threads_);
  const int64_t panels = cut.panels, blocks = cut.blocks, groups = cut.groups;
  Workspace::Frame frame(workspace_, thread_bytes(cut.partial_floats * 4));
  const int64_t own_floats =
      static_cast<int64_t>(Workspace::rounded(static_cast<size_t>(cut.partial_floats) * 4)) / 4;
  float* partial = frame.take<float>(threads_ * own_floats);
  GemmBlock whole{.x = a.x.data.address(),
                  .x_stride = a.x.stride,
                  .w = a.w->data.address(),
                  .n = n,
                  .k = k,
                  .out = {.bias = static_cast<const float*>(a.bias.data.address()),
                          .activation = static_cast<int>(a.act),
                          .pre = a.pre.data.address(),
                          .pre_stride = a.pre.stride,
                          .pre_bf16 = a.pre.dtype == DType::kBF16,
                          .gelu_pre = a.gelu_pre.data.address(),
                          .gelu_pre_stride = a.gelu_pre.stride,
                          .gelu_pre_bf16 = a.gelu_pre.dtype == DType::kBF16,
                          .add = static_cast<const float*>(a.add.data.address()),
                          .add_stride = a.add.stride,
                          .y = a.y.data.address(),
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
    block.x = a.x.slice(row, block.rows).data.address();
    block.out.y = a.y.slice(row, block.rows).data.address();
    block.out.pre = a.pre.slice(row, block.rows).data.address();
    block.out.gelu_pre = a.gelu_pre.slice(row, block.rows).data.address();
    block.out.add = static_cast<const float*>(a.add.slice(row, block.rows).data.address());
    if (cut.part < k) block.scratch = partial + thread * own_floats;
    matrix(a.w->dtype).gemm(block);
  });
}

void CpuOps::embed(const Embed& a) {
  const int64_t c = a.y.cols;
  parallel_rows(a.y.rows, c * 8, [&](int64_t begin, int64_t count) {
    for (int64_t t = begin; t < begin + count; ++t) {
      float* y = host(a.y).row<float>(t);
      matrix(a.word->dtype).read_row(a.word->data.address(), host(a.ids)[static_cast<size_t>(t)], c, y);
      kernels_.add(y, host(a.type).row<float>(0), c);
      kernels_.add(y, host(a.position).row<float>(host(a.positions)[static_cast<size_t>(t)]), c);
    }
  });
}

void CpuOps::layer_norm(const LayerNorm& a) {
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    kernels_.layer_norm({.x = host(a.x).row<float>(begin),
                         .x_stride = a.x.stride,
                         .residual = a.residual ? host(a.residual).row<float>(begin) : nullptr,
                         .residual_stride = a.residual.stride,
                         .gamma = static_cast<const float*>(a.gamma.data.address()),
                         .beta = static_cast<const float*>(a.beta.data.address()),
                         .eps = a.eps,
                         .draws = draws(a.dropout, begin),
                         .rows = count,
                         .cols = a.x.cols,
                         .y = host(a.y).row<float>(begin),
                         .y_stride = a.y.stride,
                         .y_bf16 = a.y_bf16 ? host(a.y_bf16).row<uint16_t>(begin) : nullptr,
                         .y_bf16_stride = a.y_bf16.stride,
                         .sum = a.sum ? host(a.sum).row<float>(begin) : nullptr,
                         .sum_stride = a.sum.stride,
                         .stats = a.stats ? host(a.stats).row<float>(begin) : nullptr,
                         .stats_stride = a.stats.stride});
  });
}

size_t CpuOps::workspace(const Attention& a) const {
  return thread_bytes(attention_scratch_bytes(kernels_, a.max_length, a.q.cols / a.heads));
}

void CpuOps::attention(const Attention& a) {
  struct Piece {
    int32_t sequence, head, row, rows;
  };
  std::vector<Piece> pieces;
  const std::span<const int32_t> starts = host(a.starts), q_starts = host(a.q_starts);
  const size_t sequences = starts.size() - 1;
  for (size_t s = 0; s < sequences; ++s) {
    for (int32_t row = q_starts[s]; row < q_starts[s + 1]; row += kQueryRows) {
      const int32_t rows = std::min<int32_t>(kQueryRows, q_starts[s + 1] - row);
      for (int32_t h = 0; h < a.heads; ++h) pieces.push_back({static_cast<int32_t>(s), h, row, rows});
    }
  }
  const int64_t d = a.q.cols / a.heads;
  Workspace::Frame frame(workspace_, workspace(a));
  const int64_t own_bytes = static_cast<int64_t>(workspace(a)) / threads_;
  char* scratch = frame.take<char>(threads_ * own_bytes);
  parallel(static_cast<int64_t>(pieces.size()), a.q.rows * a.q.cols > kSmallWork / 16,
           [&](int64_t i, int thread) {
             const Piece& p = pieces[static_cast<size_t>(i)];
             const int64_t start = starts[static_cast<size_t>(p.sequence)];
             const int64_t length = starts[static_cast<size_t>(p.sequence) + 1] - start;
             const auto at = [&](const DeviceView& v, int64_t row) {
               return v.slice(row, 1).columns(p.head * d, d).data.address();
             };
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
                                          .lse = a.lse ? host(a.lse).row<float>(p.row) + p.head : nullptr,
                                          .lse_stride = a.lse.stride,
                                          .scratch = scratch + thread * own_bytes});
           });
}

void CpuOps::gather_rows(const GatherRows& a) {
  const std::span<const int32_t> rows = host(a.rows);
  const size_t bytes = static_cast<size_t>(a.x.cols * size_of(a.x.dtype));
  parallel_rows(a.rows.size(), a.x.cols, [&](int64_t begin, int64_t count) {
    for (int64_t i = begin; i < begin + count; ++i)
      std::memcpy(a.y.slice(i, 1).data.address(), a.x.slice(rows[static_cast<size_t>(i)], 1).data.address(),
                  bytes);
  });
}

namespace {

/// How the product of linear_cross_entropy is cut; the cuts of the vocabulary are part of the result.
struct CrossEntropyCut {
  int64_t panels, cuts, blocks;
};
CrossEntropyCut cross_entropy_cut(const Weight& w, int64_t rows, const Kernels& kernels) {
  const int64_t element = size_of(w.dtype), panels = ceil_div(w.rows, kernels.panel);
  const int64_t most =
      std::max(kBlockBytes / (w.cols * element) / kernels.tile_rows, int64_t{1}) * kernels.tile_rows;
  return {panels, std::min(panels, kCrossEntropyPieces), ceil_div(rows, most)};
}

}  // namespace

size_t CpuOps::workspace(const LinearCrossEntropy& a) const {
  const int64_t rows = a.x.rows, cuts = cross_entropy_cut(*a.w, rows, kernels_).cuts;
  return Workspace::rounded(static_cast<size_t>(rows * cuts * 2) * 4) +
         Workspace::rounded(static_cast<size_t>(rows) * 4) +
         thread_bytes(kernels_.tile_rows * kernels_.panel * 4);
}

void CpuOps::linear_cross_entropy(const LinearCrossEntropy& a) {
  const int64_t rows = a.x.rows, n = a.w->rows, k = a.w->cols;
  const CrossEntropyCut cut = cross_entropy_cut(*a.w, rows, kernels_);
  const int64_t panels = cut.panels, cuts = cut.cuts,
                blocks = cut.blocks;  // clang 14 captures no structured bindings
  Workspace::Frame frame(workspace_, workspace(a));
  float* max_sum = frame.take<float>(rows * cuts * 2);
  float* target = frame.take<float>(rows);
  const int64_t own_floats =
      static_cast<int64_t>(thread_bytes(kernels_.tile_rows * kernels_.panel * 4)) / threads_ / 4;
  float* scratch = frame.take<float>(threads_ * own_floats);
  parallel(blocks * cuts, true, [&](int64_t piece, int thread) {
    const int64_t b = piece / cuts, c = piece % cuts;
    const int64_t begin = rows * b / blocks, count = rows * (b + 1) / blocks - begin;
    matrix(a.w->dtype)
        .cross_entropy({.x = a.x.slice(begin, count).data.address(),
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
                        .scratch = scratch + thread * own_floats});
  });
  for (int64_t r = 0; r < rows; ++r) {  // the cuts in their own order
    const float* ms = max_sum + r * cuts * 2;
    float top = ms[0];
    for (int64_t c = 1; c < cuts; ++c) top = std::max(top, ms[2 * c]);
    double total = 0;
    for (int64_t c = 0; c < cuts; ++c)
      total += ms[2 * c + 1] * std::exp(static_cast<double>(ms[2 * c]) - top);
    *host(a.loss).row<float>(r) = static_cast<float>(top - target[r] + std::log(total));
  }
}

void CpuOps::top_k(const TopK& a) {
  const size_t k = static_cast<size_t>(a.k), n = static_cast<size_t>(a.x.cols);
  const auto columns = host(a.columns);
  const auto values = host(a.values);
  const auto exp_sums = host(a.exp_sums);
  parallel(a.x.rows, a.x.rows * a.x.cols > kSmallWork, [&](int64_t r, int) {
    const size_t row = static_cast<size_t>(r);
    exp_sums[row] =
        largest({host(a.x).row<float>(r), n}, columns.subspan(row * k, k), values.subspan(row * k, k));
  });
}

void CpuOps::sum(const Sum& a) {
  double total = 0;
  for (int64_t r = 0; r < a.x.rows; ++r) {
    const float* x = host(a.x).row<float>(r);
    for (int64_t c = 0; c < a.x.cols; ++c) total += static_cast<double>(x[c]);
  }
  host(a.out)[0] = total;
}

void CpuOps::cast(const Cast& a) {
  if (a.scale != 1 && (a.x.dtype != DType::kF32 || a.y.dtype != DType::kF32))
    fail(ErrorCode::kUsage, "[cpu] only a cast from fp32 to fp32 scales");
  parallel_rows(a.x.rows, a.x.cols, [&](int64_t begin, int64_t count) {
    for (int64_t r = begin; r < begin + count; ++r) {
      if (a.scale != 1) {
        const float* x = host(a.x).row<float>(r);
        float* y = host(a.y).row<float>(r);
        for (int64_t c = 0; c < a.x.cols; ++c) y[c] = a.scale * x[c];
      } else if (a.x.dtype == a.y.dtype) {
        std::memcpy(a.y.slice(r, 1).data.address(), a.x.slice(r, 1).data.address(),
                    static_cast<size_t>(a.x.cols * size_of(a.x.dtype)));
      } else if (a.y.dtype == DType::kBF16) {
        kernels_.to_bf16(host(a.x).row<float>(r), host(a.y).row<uint16_t>(r), a.x.cols);
      } else {
        kernels_.from_bf16(host(a.x).row<uint16_t>(r), host(a.y).row<float>(r), a.x.cols);
      }
    }
  });
}

}  // namespace roberta::cpu
