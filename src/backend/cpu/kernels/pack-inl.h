#pragma once
// Packing of weights into panels, and reading rows back. Include after gemm-inl.h.

namespace {

/// 32-bit units: fp32, or pairs of bf16.
inline void pack_units(const char* source, int64_t stride_bytes, int64_t rows, int64_t units,
                       uint32_t* panel) {
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t r = 0; r < rows; ++r)
      __builtin_memcpy(panel + u * kPanel + r, source + r * stride_bytes + 4 * u, 4);
    for (int64_t r = rows; r < kPanel; ++r) panel[u * kPanel + r] = 0;
  }
}
inline void pack_panel(Fp32, const float* source, int64_t stride, int64_t rows, int64_t k, void* panel) {
  pack_units(reinterpret_cast<const char*>(source), stride * 4, rows, k, static_cast<uint32_t*>(panel));
}
inline void pack_panel(Bf16, const uint16_t* source, int64_t stride, int64_t rows, int64_t k, void* panel) {
  if (Bf16::kPairs) {
    uint32_t* out = static_cast<uint32_t*>(panel);
    pack_units(reinterpret_cast<const char*>(source), stride * 2, rows, k / 2, out);
    if (k % 2) {
      for (int64_t r = 0; r < kPanel; ++r)
        out[k / 2 * kPanel + r] = r < rows ? source[r * stride + k - 1] : 0;
    }
    return;
  }
  uint16_t* out = static_cast<uint16_t*>(panel);
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t r = 0; r < kPanel; ++r) out[i * kPanel + r] = r < rows ? source[r * stride + i] : 0;
  }
  if (k % 2) {
    for (int64_t r = 0; r < kPanel; ++r) out[k * kPanel + r] = 0;
  }
}
template <class S>
void pack_panel_of(const void* source, int64_t stride, int64_t rows, int64_t k, void* panel) {
  pack_panel(S{}, static_cast<const typename S::T*>(source), stride, rows, k, panel);
}

inline void read_row_f32(const void* w, int64_t row, int64_t k, float* out) {
  const float* p =
      reinterpret_cast<const float*>(static_cast<const char*>(w) + row / kPanel * panel_step(k, 4)) +
      row % kPanel;
  for (int64_t i = 0; i < k; ++i) out[i] = p[i * kPanel];
}
inline void read_row_bf16(const void* w, int64_t row, int64_t k, float* out) {
  const uint16_t* p =
      reinterpret_cast<const uint16_t*>(static_cast<const char*>(w) + row / kPanel * panel_step(k, 2));
  for (int64_t i = 0; i < k; ++i) {
    out[i] =
        widen(Bf16::kPairs ? p[i / 2 * 2 * kPanel + row % kPanel * 2 + i % 2] : p[i * kPanel + row % kPanel]);
  }
}

/// One vector of 32-bit units from a row of fp32: the element itself, or a pair of neighbours in bf16. `at`
/// counts elements, of which the row has k.
struct Fp32Units {
  using S = Fp32;
  static constexpr int kElements = 1;
  static F along(const float* row, int64_t at, int64_t k) {
    return k - at >= kLanes ? load(row + at) : load_n(row + at, static_cast<int>(k - at));
  }
  /// The units of one step of the transposed matrix: columns of a row, n of which exist.
  static F across(const float* row, const float*, int n) { return n >= kLanes ? load(row) : load_n(row, n); }
  static void store_units(void* panel, int64_t at, F units) { store(static_cast<float*>(panel) + at, units); }
};
#ifdef __AVX512BF16__
inline F pair(__m256i low, __m256i high) {
  const __m512i h = _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16);
  return {_mm512_castsi512_ps(_mm512_or_si512(_mm512_cvtepu16_epi32(low), h))};
}
struct Bf16Units {
  using S = Bf16;
  static constexpr int kElements = 2;
  static F along(const float* row, int64_t at, int64_t k) {
    const F low = Fp32Units::along(row, at, k),
            high = at + kLanes < k ? Fp32Units::along(row, at + kLanes, k) : zero();
    return {_mm512_castsi512_ps(reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high.v, low.v)))};
  }
  static F across(const float* low, const float* high, int n) {
    const F h = high ? Fp32Units::across(high, nullptr, n) : zero();
    return pair(to_bf16(Fp32Units::across(low, nullptr, n)), to_bf16(h));
  }
  static void store_units(void* panel, int64_t at, F units) { store(static_cast<float*>(panel) + at, units); }
};
#else
/// A unit is one element, rounded when it is stored.
struct Bf16Units : Fp32Units {
  using S = Bf16;
  static void store_units(void* panel, int64_t at, F units) {
    store_bf16(static_cast<uint16_t*>(panel) + at, units);
  }
};
#endif

/// Each stage lays the first half's vectors beside the second's; log2(kLanes) of them transpose.
inline __attribute__((always_inline)) void transpose(F (&a)[kLanes]) {
#pragma GCC unroll 4
  for (int stage = 1; stage < kLanes; stage *= 2) {
    F b[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      b[2 * i] = zip_low(a[i], a[i + kLanes / 2]);
      b[2 * i + 1] = zip_high(a[i], a[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) a[i] = b[i];
  }
}

/// Rows [0, rows), rows <= kPanel, of an fp32 matrix [rows, k] into one panel.
template <class U>
void pack_rows_f32(const float* source, int64_t stride, int64_t rows, int64_t k, void* panel) {
  const int64_t steps = (k + U::kElements - 1) / U::kElements;
  for (int64_t step = 0; step < steps; step += kLanes) {
    const int64_t count = steps - step < kLanes ? steps - step : kLanes;
    for (int half = 0; half < 2; ++half) {
      F units[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const int64_t row = half * kLanes + i;
        units[i] = row < rows ? U::along(source + row * stride, step * U::kElements, k) : zero();
      }
      transpose(units);
      if (count == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) U::store_units(panel, (step + i) * kPanel + half * kLanes, units[i]);
      } else {
        F rest[kLanes];
        __builtin_memcpy(&rest, &units, sizeof rest);
        for (int i = 0; i < count; ++i) U::store_units(panel, (step + i) * kPanel + half * kLanes, rest[i]);
      }
    }
  }
}

/// Rows [row, row + rows), row even, of an fp32 matrix [n, k] into the panels of its transpose [k, n].
template <class U>
void pack_columns_f32(const float* source, int64_t stride, int64_t row, int64_t rows, int64_t n, int64_t k,
                      void* w_transposed) {
  constexpr int64_t kElement = sizeof(typename U::S::T);
  for (int64_t p = 0; p * kPanel < k; ++p) {
    char* panel = static_cast<char*>(w_transposed) + p * panel_step(n, kElement);
    const float* from = source + p * kPanel;
    const int columns = columns_of(p, k);
    for (int64_t r = 0; r < rows; r += U::kElements, from += U::kElements * stride) {
      const float* next = r + 1 < rows ? from + stride : nullptr;
      const int64_t at = (row + r) / U::kElements * kPanel;
      U::store_units(panel, at, U::across(from, next, columns));
      U::store_units(panel, at + kLanes,
                     columns > kLanes
                         ? U::across(from + kLanes, next ? next + kLanes : nullptr, columns - kLanes)
                         : zero());
    }
  }
}

}  // namespace
