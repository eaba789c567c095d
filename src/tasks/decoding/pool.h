#pragma once
#include <span>

#include "roberta/pipeline.h"

namespace roberta {

/// Rows [begin, begin + count) of x pooled into one row (or all of them with kNone); cut to the first
/// `dimensions` numbers if that is above 0; then to unit length when `normalize`.
Matrix pool(const Matrix& x, int64_t begin, int64_t count, Pooling pooling, bool normalize,
            int64_t dimensions = 0);

}  // namespace roberta
