#include "backend/ref/ref_ops.h"
#include "core/error.h"

namespace roberta::ref {

void RefOps::activation_grad(const ActivationGrad&) {
  fail(ErrorCode::kFailed, "[ref] activation_grad is missing");
}
void RefOps::embed_grad(const EmbedGrad&) { fail(ErrorCode::kFailed, "[ref] embed_grad is missing"); }
void RefOps::scatter_rows(const ScatterRows&) { fail(ErrorCode::kFailed, "[ref] scatter_rows is missing"); }
void RefOps::adam(const Adam&) { fail(ErrorCode::kFailed, "[ref] adam is missing"); }
double RefOps::sum_squares(const float*, int64_t) {
  fail(ErrorCode::kFailed, "[ref] sum_squares is missing");
}

}  // namespace roberta::ref
