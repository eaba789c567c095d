#pragma once
// Element types of tensors in memory and in files, and the borrowed 2-d view over them.

#include <cstdint>
#include <cstring>

namespace roberta {

enum class DType : uint8_t { kF32, kBF16, kF16, kF64, kI32, kI64, kOther };

constexpr int64_t size_of(DType t) {
  switch (t) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kOther:
      return 0;
  }
  return 0;
}
constexpr const char* name_of(DType t) {
  switch (t) {
    case DType::kF32:
      return "float32";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    case DType::kF64:
      return "float64";
    case DType::kI32:
      return "int32";
    case DType::kI64:
      return "int64";
    case DType::kOther:
      return "other";
  }
  return "other";
}

/// Borrows a row-major matrix in host memory. An empty View (data == nullptr) means "not requested" or
/// "absent".
struct View {
  void* data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  ///< elements between the starts of two rows
  DType dtype = DType::kF32;

  explicit operator bool() const { return data != nullptr; }
  template <class T>
  T* row(int64_t r) const {
    return static_cast<T*>(data) + r * stride;
  }
  /// Rows [begin, begin + count).
  View slice(int64_t begin, int64_t count) const {
    if (!data) return {};
    return {static_cast<char*>(data) + begin * stride * size_of(dtype), count, cols, stride, dtype};
  }
  /// Columns [begin, begin + count).
  View columns(int64_t begin, int64_t count) const {
    if (!data) return {};
    return {static_cast<char*>(data) + begin * size_of(dtype), rows, count, stride, dtype};
  }
};

/// bfloat16 <-> float by bits; round to nearest even, NaN kept quiet.
inline float bf16_to_float(uint16_t x) {
  uint32_t u = static_cast<uint32_t>(x) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
inline uint16_t float_to_bf16(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40);
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

}  // namespace roberta
