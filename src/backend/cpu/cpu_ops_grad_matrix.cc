#include "backend/cpu/cpu_ops.h"
#include "core/error.h"

namespace roberta::cpu {

void CpuOps::gemm_grad(const GemmGrad&) { fail(ErrorCode::kFailed, "[cpu] gemm_grad is missing"); }
void CpuOps::linear_cross_entropy_grad(const LinearCrossEntropyGrad&) {
  fail(ErrorCode::kFailed, "[cpu] linear_cross_entropy_grad is missing");
}
void CpuOps::pack(const PackWeight&) { fail(ErrorCode::kFailed, "[cpu] pack is missing"); }

}  // namespace roberta::cpu
