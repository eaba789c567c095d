#include "backend/ref/ref_ops.h"
#include "core/error.h"

namespace roberta::ref {

void RefOps::layer_norm_grad(const LayerNormGrad&) {
  fail(ErrorCode::kFailed, "[ref] layer_norm_grad is missing");
}
void RefOps::dropout(const DropoutRows&) { fail(ErrorCode::kFailed, "[ref] dropout is missing"); }
void RefOps::attention_grad(const AttentionGrad&) {
  fail(ErrorCode::kFailed, "[ref] attention_grad is missing");
}

}  // namespace roberta::ref
