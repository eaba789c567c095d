#pragma once
// Operands on a device.

#include <cstdint>
#include <vector>

#include "device/device.h"

namespace roberta {

/// A matrix with its memory, of values in [-scale, scale).
class Matrix {
 public:
  Matrix(Device& device, int64_t rows, int64_t cols, DType dtype = DType::kF32, float scale = 1)
      : buffer_(device.allocate(static_cast<size_t>(rows * device.row_stride(cols, dtype) * size_of(dtype)))),
        view{buffer_.data(), rows, cols, device.row_stride(cols, dtype), dtype} {
    std::vector<float> fp32(static_cast<size_t>(rows * view.stride));
    std::vector<uint16_t> bf16(fp32.size());
    uint32_t state = 1;
    for (size_t i = 0; i < fp32.size(); ++i) {
      state = state * 1664525 + 1013904223;
      fp32[i] = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f * scale;
      bf16[i] = float_to_bf16(fp32[i]);
    }
    device.upload(view.data, dtype == DType::kBF16 ? static_cast<const void*>(bf16.data()) : fp32.data(),
                  buffer_.bytes());
  }

 private:
  Buffer buffer_;

 public:
  const DeviceView view;
};

/// Numbers with their memory.
template <class T>
class Array {
 public:
  Array(Device& device, const std::vector<T>& values)
      : buffer_(device.allocate(values.size() * sizeof(T))),
        span(buffer_.data(), static_cast<int64_t>(values.size())) {
    device.upload(buffer_.data(), values.data(), buffer_.bytes());
  }

 private:
  Buffer buffer_;

 public:
  const DeviceSpan<const T> span;
};

}  // namespace roberta
