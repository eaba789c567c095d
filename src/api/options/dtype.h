#pragma once
// A precision of the public API as the type of elements.

#include "core/dtype.h"
#include "roberta/model.h"

namespace roberta {

inline DType dtype_of(Precision precision) {
  return precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
}

}  // namespace roberta
