#pragma once
// Float vectors of the AVX2 + FMA kernels: 8 lanes, 16 registers. See simd_avx512.h for the rule on linkage.

#include <immintrin.h>

#include <cstdint>

namespace {

struct F {
  static constexpr int kLanes = 8;
  __m256 v;
};
inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline F load_n(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
inline void store(float* p, F a) { _mm256_storeu_ps(p, a.v); }
inline void store_n(float* p, F a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a.v); }
inline F set(float a) { return {_mm256_set1_ps(a)}; }
inline F zero() { return {_mm256_setzero_ps()}; }
inline F operator+(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F operator-(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F operator*(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F operator/(F a, F b) { return {_mm256_div_ps(a.v, b.v)}; }
inline F mul_add(F a, F b, F c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline F max(F a, F b) { return {_mm256_max_ps(a.v, b.v)}; }
inline F min(F a, F b) { return {_mm256_min_ps(a.v, b.v)}; }
inline F round(F a) { return {_mm256_round_ps(a.v, 0)}; }
/// a * 2^n for whole n in [-126, 127].
inline F mul_pow2(F a, F n) {
  const __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127)), 23);
  return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(e))};
}
/// The first n lanes; the others zero.
inline F keep_n(F a, int n) { return {_mm256_and_ps(a.v, _mm256_castsi256_ps(first_lanes(n)))}; }
inline bool any_greater(F a, F b) { return _mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)) != 0; }
/// a0 b0 a1 b1 ... of the lower and of the upper halves.
inline F zip_low(F a, F b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x20)};
}
inline F zip_high(F a, F b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x31)};
}
inline float sum(F a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
inline float max(F a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

inline F load_bf16(const uint16_t* p) {
  const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16))};
}
inline __m128i to_bf16(F a) {
  const __m256i u = _mm256_castps_si256(a.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  __m256i r = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q));
  r = _mm256_blendv_epi8(r, _mm256_set1_epi32(0x7fc0), nan);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x88);
  return _mm256_castsi256_si128(packed);
}
inline void store_bf16(uint16_t* p, F a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_bf16(a)); }
inline void store_bf16_n(uint16_t* p, F a, int n) {
  alignas(16) uint16_t lanes[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), to_bf16(a));
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

/// Words of counters for Philox, as in simd_avx512.h.
struct U {
  static constexpr int kLanes = 4;
  __m256i v;
};
inline U set_u(uint32_t a) { return {_mm256_set1_epi64x(a)}; }
inline U counters(uint32_t first) {
  return {_mm256_add_epi64(_mm256_set1_epi64x(first), _mm256_setr_epi64x(0, 1, 2, 3))};
}
inline U mul_wide(U a, U b) { return {_mm256_mul_epu32(a.v, b.v)}; }
inline U high(U a) { return {_mm256_srli_epi64(a.v, 32)}; }
inline U operator^(U a, U b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline U xor3(U a, U b, U c) { return a ^ b ^ c; }
inline void store_kept(uint8_t* bits, U w0, U w1, U w2, U w3, uint32_t threshold) {
  const __m256i a = _mm256_blend_epi32(w0.v, _mm256_slli_epi64(w1.v, 32), 0xAA);
  const __m256i b = _mm256_blend_epi32(w2.v, _mm256_slli_epi64(w3.v, 32), 0xAA);
  const __m256i least = _mm256_set1_epi16(static_cast<short>(threshold));
  const __m256i even = _mm256_unpacklo_epi64(a, b), odd = _mm256_unpackhi_epi64(a, b);  // counters
  const __m256i keep_even = _mm256_cmpeq_epi16(_mm256_max_epu16(even, least), even);
  const __m256i keep_odd = _mm256_cmpeq_epi16(_mm256_max_epu16(odd, least), odd);
  const int mask = _mm256_movemask_epi8(_mm256_packs_epi16(keep_even, keep_odd));
  __builtin_memcpy(bits, &mask, 4);
}
inline F kept(const uint8_t* bits, int64_t i, F factor) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i mask = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits[i / 8]), bit), bit);
  return {_mm256_and_ps(_mm256_castsi256_ps(mask), factor.v)};
}

}  // namespace
