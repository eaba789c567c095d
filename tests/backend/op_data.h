#pragma once
// Random operands on a device, for tests that hold a backend against `ref`.

#include <memory>
#include <random>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/kernels/select.h"
#include "backend/ref/ref_device.h"
#include "core/convert.h"
#include "device/device.h"

namespace roberta::testing {

/// A dense matrix that owns its memory; bf16 values are exactly those of `f32` rounded.
struct Operand {
  std::vector<float> f32;
  std::vector<uint16_t> bf16;
  int64_t rows, cols;

  View view(DType dtype) {
    if (dtype == DType::kBF16) return {bf16.data(), rows, cols, cols, DType::kBF16};
    return {f32.data(), rows, cols, cols, DType::kF32};
  }
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  /// Normal values; when `rounded`, exactly representable in bf16.
  Operand matrix(int64_t rows, int64_t cols, bool rounded, float scale = 1) {
    Operand m{{}, {}, rows, cols};
    std::normal_distribution<float> normal(0, scale);
    for (int64_t i = 0; i < rows * cols; ++i) {
      float x = normal(engine_);
      if (rounded) x = bf16_to_float(float_to_bf16(x));
      m.f32.push_back(x);
      m.bf16.push_back(float_to_bf16(x));
    }
    return m;
  }
  int32_t integer(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(engine_);
  }

 private:
  std::mt19937 engine_;
};

/// A packed weight on a device.
struct PackedWeight {
  PackedWeight(Device& device, Operand& source, DType dtype)
      : buffer(device.allocate(device.weight_bytes(source.rows, source.cols, dtype))),
        weight{buffer.data(), source.rows, source.cols, dtype} {
    const int64_t step = device.pack_rows(dtype);
    for (int64_t row = 0; row < source.rows; row += step) {
      device.pack(weight, row, source.view(dtype).slice(row, std::min(step, source.rows - row)));
    }
  }
  Buffer buffer;
  Weight weight;
};

inline float at(const View& v, int64_t r, int64_t c) {
  return v.dtype == DType::kBF16 ? bf16_to_float(v.row<uint16_t>(r)[c]) : v.row<float>(r)[c];
}

}  // namespace roberta::testing
