#pragma once
// Float vectors of the AVX-512 kernels: 16 lanes, 32 registers. Included by one kernel file only, inside its
// namespace rules: everything here has internal linkage, so no other file can pick up code of this
// instruction set.

#include <immintrin.h>

#include <cstdint>

namespace {

struct F {
  static constexpr int kLanes = 16;
  __m512 v;
};
inline F load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline F load_n(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)};
}
inline void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
inline void store_n(float* p, F a, int n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), a.v);
}
inline F set(float a) { return {_mm512_set1_ps(a)}; }
inline F zero() { return {_mm512_setzero_ps()}; }
inline F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
inline F mul_add(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
inline F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F round(F a) { return {_mm512_roundscale_ps(a.v, 0)}; }
inline F mul_pow2(F a, F n) { return {_mm512_scalef_ps(a.v, n.v)}; }
/// The first n lanes; the others zero.
inline F keep_n(F a, int n) { return {_mm512_maskz_mov_ps(static_cast<__mmask16>((1u << n) - 1), a.v)}; }
inline bool any_greater(F a, F b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ) != 0; }
/// a0 b0 a1 b1 ... of the lower and of the upper halves.
inline F zip_low(F a, F b) {
  const __m512i at = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return {_mm512_permutex2var_ps(a.v, at, b.v)};
}
inline F zip_high(F a, F b) {
  const __m512i at = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return {_mm512_permutex2var_ps(a.v, at, b.v)};
}
inline float sum(F a) { return _mm512_reduce_add_ps(a.v); }
inline float max(F a) { return _mm512_reduce_max_ps(a.v); }

inline F load_bf16(const uint16_t* p) {
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16))};
}
inline __m256i to_bf16(F a) {
#ifdef __AVX512BF16__
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a.v));
#else
  const __m512i u = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i r = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(
      _mm512_mask_mov_epi32(_mm512_srli_epi32(r, 16), nan, _mm512_set1_epi32(0x7fc0)));
#endif
}
inline void store_bf16(uint16_t* p, F a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bf16(a)); }
inline void store_bf16_n(uint16_t* p, F a, int n) {
  _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1), to_bf16(a));
}

/// Words of counters for Philox (dropout-inl.h): a counter a 64-bit lane; only the low half of a lane counts.
struct U {
  static constexpr int kLanes = 8;
  __m512i v;
};
inline U set_u(uint32_t a) { return {_mm512_set1_epi64(a)}; }
/// Numbers of kLanes counters from `first` on, in the order that store_kept() wants.
inline U counters(uint32_t first) {
  return {_mm512_add_epi64(_mm512_set1_epi64(first), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7))};
}
inline U mul_wide(U a, U b) { return {_mm512_mul_epu32(a.v, b.v)}; }
inline U high(U a) { return {_mm512_srli_epi64(a.v, 32)}; }
inline U operator^(U a, U b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline U xor3(U a, U b, U c) { return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96)}; }
/// One bit for each 16-bit draw of the counters, in order: draw >= threshold. Writes kLanes bytes.
inline void store_kept(uint8_t* bits, U w0, U w1, U w2, U w3, uint32_t threshold) {
  const __m512i a = _mm512_mask_shuffle_epi32(w0.v, 0xAAAA, w1.v, static_cast<_MM_PERM_ENUM>(0xA0));
  const __m512i b = _mm512_mask_shuffle_epi32(w2.v, 0xAAAA, w3.v, static_cast<_MM_PERM_ENUM>(0xA0));
  const __m512i least = _mm512_set1_epi16(static_cast<short>(threshold));
  const uint32_t low = _mm512_cmpge_epu16_mask(_mm512_unpacklo_epi64(a, b), least);
  const uint32_t high = _mm512_cmpge_epu16_mask(_mm512_unpackhi_epi64(a, b), least);
  __builtin_memcpy(bits, &low, 4);
  __builtin_memcpy(bits + 4, &high, 4);
}
/// `factor` in the lanes whose bit is set, from bit i (a multiple of kLanes) on; 0 in the others.
inline F kept(const uint8_t* bits, int64_t i, F factor) {
  uint16_t mask;
  __builtin_memcpy(&mask, bits + i / 8, 2);
  return {_mm512_maskz_mov_ps(mask, factor.v)};
}

}  // namespace
