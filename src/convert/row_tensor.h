#pragma once
// A tensor of a new file that is computed row by row, so that a model is never in memory as a whole.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace roberta {

/// Fills one row with elements of the tensor's dtype.
using FillRow = std::function<void(int64_t row, std::span<std::byte> out)>;

TensorToWrite row_tensor(std::string name, DType dtype, const std::vector<int64_t>& shape, FillRow fill);

}  // namespace roberta
