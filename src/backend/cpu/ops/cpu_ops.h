#pragma once
// The operations on a CPU: cuts each into pieces of fixed borders, which the threads take one after another.
// Which thread takes which piece never shows in the result.

#include <functional>
#include <vector>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/memory.h"
#include "device/ops.h"

namespace roberta::cpu {

class CpuOps final : public Ops {
 public:
  CpuOps(const Kernels& kernels, int threads);
  void gemm(const Gemm&) override;
  void embed(const Embed&) override;
  void layer_norm(const LayerNorm&) override;
  void attention(const Attention&) override;
  void gather_rows(const GatherRows&) override;
  void linear_cross_entropy(const LinearCrossEntropy&) override;
  void cast(const Cast&) override;
  void gemm_grad(const GemmGrad&) override;
  void activation_grad(const ActivationGrad&) override;
  void embed_grad(const EmbedGrad&) override;
  void layer_norm_grad(const LayerNormGrad&) override;
  void dropout(const DropoutRows&) override;
  void attention_grad(const AttentionGrad&) override;
  void scatter_rows(const ScatterRows&) override;
  void linear_cross_entropy_grad(const LinearCrossEntropyGrad&) override;
  void cross_entropy(const CrossEntropy&) override;
  void segment_cross_entropy(const SegmentCrossEntropy&) override;
  void element_loss(const ElementLoss&) override;
  void pack(const PackWeight&) override;
  void adam(const Adam&) override;
  double sum_squares(const float* x, int64_t n) override;

 private:
  const MatrixKernels& matrix(DType t) const { return t == DType::kBF16 ? kernels_.bf16 : kernels_.f32; }
  /// Runs work(piece, thread) for each piece in [0, pieces), on all threads when that pays.
  void parallel(int64_t pieces, bool worth_it, const std::function<void(int64_t, int)>& work) const;
  /// Cuts [0, rows) into blocks and runs work(begin, count) on them; for operations bound by memory.
  void parallel_rows(int64_t rows, int64_t cols, const std::function<void(int64_t, int64_t)>& work) const;
  /// For rows from `row` on.
  static Draws draws(const Dropout&, int64_t row, int64_t head = 0);
  /// At least `bytes` of the thread's own scratch memory, 64-byte aligned.
  void* scratch(int thread, size_t bytes);
  /// Some rows of x and dy, and some columns of dy, in row panels of tile_rows.
  struct GradStage {
    int64_t row, rows;
    int64_t row_panel, row_panels;
    bool pack_x;  // else packed by the stage before
  };
  void gemm_grad_stage(const GemmGrad&, const GradStage&);
  /// Losses, and the gradients by the logits [M, V]; dlogits has room for whole panels.
  void logits_grad(const LinearCrossEntropyGrad&, const View& dlogits);

  const Kernels& kernels_;
  const int threads_;
  std::vector<std::vector<char>> scratch_;  // one a thread
  GrowingMemory panels_, row_panels_;       // packed operands of gemm_grad
  GrowingMemory logits_;                    // of linear_cross_entropy_grad
};

}  // namespace roberta::cpu
