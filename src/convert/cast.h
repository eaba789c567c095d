#pragma once
// A model's tensors in another precision.

#include <vector>

#include "io/safetensors.h"
#include "model/weights/checkpoint.h"

namespace roberta {

/// All tensors of floating-point numbers, under their names. They borrow the checkpoint.
std::vector<TensorToWrite> cast_tensors(const Checkpoint& checkpoint, DType dtype);

}  // namespace roberta
