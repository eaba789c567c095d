#pragma once
// The largest of many numbers, in host memory.

#include <cstdint>
#include <span>

namespace roberta {

/// The columns.size() largest elements of a row, largest first, of equals the one of the lower column; at
/// most as many as the row has. Returns the sum over the row of e^(x - its largest): what their softmax
/// divides by.
double largest(std::span<const float> row, std::span<int32_t> columns, std::span<float> values);

}  // namespace roberta
