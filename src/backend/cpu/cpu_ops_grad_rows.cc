#include "backend/cpu/cpu_ops.h"
#include "core/error.h"

namespace roberta::cpu {

void CpuOps::layer_norm_grad(const LayerNormGrad&) {
  fail(ErrorCode::kFailed, "[cpu] layer_norm_grad is missing");
}
void CpuOps::dropout(const DropoutRows&) { fail(ErrorCode::kFailed, "[cpu] dropout is missing"); }
void CpuOps::attention_grad(const AttentionGrad&) {
  fail(ErrorCode::kFailed, "[cpu] attention_grad is missing");
}

}  // namespace roberta::cpu
