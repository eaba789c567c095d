#include "backend/cpu/cpu_ops.h"
#include "core/error.h"

namespace roberta::cpu {

void CpuOps::activation_grad(const ActivationGrad&) {
  fail(ErrorCode::kFailed, "[cpu] activation_grad is missing");
}
void CpuOps::embed_grad(const EmbedGrad&) { fail(ErrorCode::kFailed, "[cpu] embed_grad is missing"); }
void CpuOps::scatter_rows(const ScatterRows&) { fail(ErrorCode::kFailed, "[cpu] scatter_rows is missing"); }
void CpuOps::adam(const Adam&) { fail(ErrorCode::kFailed, "[cpu] adam is missing"); }
double CpuOps::sum_squares(const float*, int64_t) {
  fail(ErrorCode::kFailed, "[cpu] sum_squares is missing");
}

}  // namespace roberta::cpu
