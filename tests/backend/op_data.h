#pragma once
// Random operands for tests that hold a backend against `ref`. They lie in host memory, which is the memory
// of these backends.

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "backend/host_view.h"
#include "core/convert.h"
#include "tests/backend/devices.h"

namespace roberta::testing {

/// A dense matrix that owns its memory; bf16 values are exactly those of `f32` rounded.
struct Operand {
  std::vector<float> f32;
  std::vector<uint16_t> bf16;
  int64_t rows, cols;

  DeviceView view(DType dtype) {
    void* data = dtype == DType::kBF16 ? static_cast<void*>(bf16.data()) : f32.data();
    return {DevicePtr(data), rows, cols, cols, dtype};
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
      device.pack(weight, row, host(source.view(dtype).slice(row, std::min(step, source.rows - row))));
    }
  }
  Buffer buffer;
  Weight weight;
};

/// Elements in host memory as these backends read them.
template <class T>
DeviceSpan<const T> span(const std::vector<T>& from) {
  return {DevicePtr(const_cast<T*>(from.data())), static_cast<int64_t>(from.size())};
}
/// Of the sequences that begin at `starts`.
inline int64_t max_length(const std::vector<int32_t>& starts) {
  int32_t most = 0;
  for (size_t s = 0; s + 1 < starts.size(); ++s) most = std::max(most, starts[s + 1] - starts[s]);
  return most;
}

inline float at(const DeviceView& device_view, int64_t r, int64_t c) {
  const View v = host(device_view);
  return v.dtype == DType::kBF16 ? bf16_to_float(v.row<uint16_t>(r)[c]) : v.row<float>(r)[c];
}

}  // namespace roberta::testing
