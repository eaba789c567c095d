#include "backend/ref/ref_ops.h"
#include "core/error.h"

namespace roberta::ref {

void RefOps::gemm_grad(const GemmGrad&) { fail(ErrorCode::kFailed, "[ref] gemm_grad is missing"); }
void RefOps::linear_cross_entropy_grad(const LinearCrossEntropyGrad&) {
  fail(ErrorCode::kFailed, "[ref] linear_cross_entropy_grad is missing");
}
void RefOps::pack(const PackWeight&) { fail(ErrorCode::kFailed, "[ref] pack is missing"); }

}  // namespace roberta::ref
