#pragma once
// Blocks of memory straight from the system, and how rows lie in them.

#include <cstddef>
#include <cstdint>

#include "device/memory.h"

namespace roberta::cpu {

/// Zeroed memory, 4096-byte aligned; huge pages where they pay. Error(kResource) when there is none left.
Buffer allocate_memory(size_t bytes);

/// Elements from row to row of a matrix of activations: an odd number of cache lines, so that the rows of a
/// tile spread over all sets of a first-level cache. At 4096 bytes from row to row (C = 1024) they would all
/// meet in one set, and GEMM would run at less than half its speed.
constexpr int64_t padded_stride(int64_t cols, DType dtype) {
  const int64_t line = 64 / size_of(dtype);
  return ((cols + line - 1) / line | 1) * line;
}

}  // namespace roberta::cpu
