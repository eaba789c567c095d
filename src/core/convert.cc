#include "core/convert.h"

#include "core/error.h"

namespace roberta {
namespace {

/// Branch-free, so that compilers vectorise it: the exponent is moved by a multiplication, denormals
/// included.
inline float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, rest = h & 0x7fffu;
  uint32_t u = rest << 13;
  float f;
  std::memcpy(&f, &u, 4);
  f *= 0x1p112f;  // exponent bias 15 -> 127
  std::memcpy(&u, &f, 4);
  u |= sign | (rest >= 0x7c00u ? 0x7f800000u : 0u);  // infinity and NaN
  std::memcpy(&f, &u, 4);
  return f;
}

template <class From, class To, class Function>
void rows(const View& from, const View& to, Function f) {
  for (int64_t r = 0; r < from.rows; ++r) {
    const From* a = from.row<From>(r);
    To* b = to.row<To>(r);
    for (int64_t i = 0; i < from.cols; ++i) b[i] = f(a[i]);
  }
}

}  // namespace

void convert(const View& from, const View& to) {
  using enum DType;
  if (from.dtype == to.dtype && size_of(from.dtype) > 0) {
    for (int64_t r = 0; r < from.rows; ++r) {
      std::memcpy(to.slice(r, 1).data, from.slice(r, 1).data,
                  static_cast<size_t>(from.cols * size_of(from.dtype)));
    }
  } else if (from.dtype == kBF16 && to.dtype == kF32) {
    rows<uint16_t, float>(from, to, bf16_to_float);
  } else if (from.dtype == kF16 && to.dtype == kF32) {
    rows<uint16_t, float>(from, to, half_to_float);
  } else if (from.dtype == kF32 && to.dtype == kBF16) {
    rows<float, uint16_t>(from, to, float_to_bf16);
  } else if (from.dtype == kF16 && to.dtype == kBF16) {
    rows<uint16_t, uint16_t>(from, to, [](uint16_t h) { return float_to_bf16(half_to_float(h)); });
  } else {
    fail(ErrorCode::kModel, "[convert] no conversion from ", name_of(from.dtype), " to ", name_of(to.dtype));
  }
}

}  // namespace roberta
