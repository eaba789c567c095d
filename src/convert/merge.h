#pragma once
// The tensors of a base model with a LoRA adapter merged into them.

#include <vector>

#include "io/safetensors.h"
#include "model/names.h"
#include "model/weights/adapter.h"

namespace roberta {

/// All tensors of a model with that head, which is the adapter's own if the adapter has one. `config`: of the
/// adapted model. They borrow base and adapter. Error(kModel) names a tensor that neither has.
std::vector<TensorToWrite> merge_tensors(const Checkpoint& base, const Adapter& adapter,
                                         const RobertaConfig& config, HeadKind head, DType dtype);

}  // namespace roberta
