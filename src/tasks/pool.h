#pragma once
#include <span>

#include "roberta/pipeline.h"

namespace roberta {

/// Rows [begin, begin + count) of x pooled into one row (or all of them with kNone), to unit length when
/// `normalize`.
Matrix pool(const Matrix& x, int64_t begin, int64_t count, Pooling pooling, bool normalize);

}  // namespace roberta
