#pragma once
// Plain loops: the readable statement of what each operation means, and the oracle of the tests. Matrices are
// row-major, sums run in double, results are rounded to the dtype of the output.

#include "device/ops.h"

namespace roberta::ref {

class RefOps final : public Ops {
 public:
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
};

}  // namespace roberta::ref
