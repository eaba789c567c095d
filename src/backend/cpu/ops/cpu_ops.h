#pragma once
// The operations on a CPU: cuts each into pieces of fixed borders, which the threads take one after another.
// Which thread takes which piece never shows in the result.

#include <functional>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/workspace.h"
#include "backend/host_view.h"
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
  void top_k(const TopK&) override;
  void sum(const Sum&) override;
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
  void sum_squares(const SumSquares&) override;

  size_t workspace(const Gemm&) const override;
  size_t workspace(const Attention&) const override;
  size_t workspace(const LinearCrossEntropy&) const override;
  size_t workspace(const GemmGrad&) const override;
  size_t workspace(const LayerNormGrad&) const override;
  size_t workspace(const AttentionGrad&) const override;
  size_t workspace(const LinearCrossEntropyGrad&) const override;
  size_t workspace(const SumSquares&) const override;
  void reserve_workspace(size_t bytes) { workspace_.reserve(bytes); }

 private:
  const MatrixKernels& matrix(DType t) const { return t == DType::kBF16 ? kernels_.bf16 : kernels_.f32; }
  /// Runs work(piece, thread) for each piece in [0, pieces), on all threads when that pays.
  void parallel(int64_t pieces, bool worth_it, const std::function<void(int64_t, int)>& work) const;
  /// Cuts [0, rows) into blocks and runs work(begin, count) on them; for operations bound by memory.
  void parallel_rows(int64_t rows, int64_t cols, const std::function<void(int64_t, int64_t)>& work) const;
  /// For rows from `row` on.
  static Draws draws(const Dropout&, int64_t row, int64_t head = 0);
  /// Of all threads, each of which gets `bytes` of its own.
  size_t thread_bytes(int64_t bytes) const {
    return static_cast<size_t>(threads_) * Workspace::rounded(static_cast<size_t>(bytes));
  }
  /// Some rows of x and dy, and some columns of dy, in row panels of tile_rows.
  struct GradStage {
    int64_t row, rows;
    int64_t row_panel, row_panels;
    bool pack_x;  // else packed by the stage before
    float *x_panels, *dy_panels;
  };
  struct GradCut;
  GradCut grad_cut(const GemmGrad&) const;
  void gemm_grad_stage(const GemmGrad&, const GradStage&);
  size_t logits_grad_bytes(const LinearCrossEntropyGrad&, int64_t rows) const;
  /// Losses, and the gradients by the logits [M, V]; dlogits has room for whole panels.
  void logits_grad(const LinearCrossEntropyGrad&, const DeviceView& dlogits);

  const Kernels& kernels_;
  const int threads_;
  Workspace workspace_;
};

}  // namespace roberta::cpu
