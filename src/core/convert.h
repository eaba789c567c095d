#pragma once
#include "core/dtype.h"

namespace roberta {

/// Element-wise conversion of equal shapes between fp32, bf16 and f16 (rounding to nearest even), on host
/// memory. Error(kModel) for another dtype.
void convert(const View& from, const View& to);

}  // namespace roberta
