#pragma once
// What a layer needs to run once: operations, memory, and which mode.

#include "core/arena.h"
#include "device/ops.h"

namespace roberta {

struct Pass {
  Ops& ops;
  Arena& arena;
  DType matrix = DType::kF32;  ///< of weights and of the rows that enter a GEMM

  /// Lives until the caller's Scope of both ends closes.
  View keep(int64_t rows, int64_t cols, DType dtype) {
    return view(arena.bottom(bytes(rows, cols, dtype)), rows, cols, dtype);
  }
  /// Lives until the innermost Scope closes.
  View temp(int64_t rows, int64_t cols, DType dtype) {
    return view(arena.top(bytes(rows, cols, dtype)), rows, cols, dtype);
  }

 private:
  static size_t bytes(int64_t rows, int64_t cols, DType dtype) {
    return static_cast<size_t>(rows * padded_stride(cols, dtype) * size_of(dtype));
  }
  static View view(void* data, int64_t rows, int64_t cols, DType dtype) {
    return {data, rows, cols, padded_stride(cols, dtype), dtype};
  }
};

/// The residual stream: fp32, and beside it the same rounded to bf16 when GEMMs are in bf16.
struct Hidden {
  View full;  // [T, C] fp32
  View low;   // [T, C] bf16, or empty
  const View& matrix() const { return low ? low : full; }
  Hidden slice(int64_t begin, int64_t count) const {
    return {full.slice(begin, count), low.slice(begin, count)};
  }
};

inline Hidden keep_hidden(Pass& pass, int64_t rows, int64_t cols) {
  return {pass.keep(rows, cols, DType::kF32),
          pass.matrix == DType::kBF16 ? pass.keep(rows, cols, DType::kBF16) : View{}};
}
inline Hidden temp_hidden(Pass& pass, int64_t rows, int64_t cols) {
  return {pass.temp(rows, cols, DType::kF32),
          pass.matrix == DType::kBF16 ? pass.temp(rows, cols, DType::kBF16) : View{}};
}

}  // namespace roberta
