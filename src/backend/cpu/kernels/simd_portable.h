#pragma once
// Float vectors of the portable kernels: 4 lanes by the compiler's vector extension, any CPU. See
// simd_avx512.h for the rule on linkage.

#include <cstdint>
#include <cstring>

namespace {

struct F {
  static constexpr int kLanes = 4;
  typedef float V __attribute__((vector_size(16)));
  typedef int32_t I __attribute__((vector_size(16)));
  typedef uint32_t U __attribute__((vector_size(16)));
  V v;
};
inline F load(const float* p) {
  F a;
  std::memcpy(&a.v, p, 16);
  return a;
}
inline F load_n(const float* p, int n) {
  F a{};
  std::memcpy(&a.v, p, static_cast<size_t>(n) * 4);
  return a;
}
inline void store(float* p, F a) { std::memcpy(p, &a.v, 16); }
inline void store_n(float* p, F a, int n) { std::memcpy(p, &a.v, static_cast<size_t>(n) * 4); }
inline F set(float a) { return {F::V{a, a, a, a}}; }
inline F zero() { return set(0); }
inline F operator+(F a, F b) { return {a.v + b.v}; }
inline F operator-(F a, F b) { return {a.v - b.v}; }
inline F operator*(F a, F b) { return {a.v * b.v}; }
inline F operator/(F a, F b) { return {a.v / b.v}; }
inline F mul_add(F a, F b, F c) { return {a.v * b.v + c.v}; }
inline F max(F a, F b) { return {a.v > b.v ? a.v : b.v}; }
inline F min(F a, F b) { return {a.v < b.v ? a.v : b.v}; }
/// To nearest even, for |a| < 2^22: adding 1.5 * 2^23 pushes the fraction out.
inline F round(F a) {
  const F big = set(12582912.0f);
  return (a + big) - big;
}
/// a * 2^n for whole n in [-126, 127].
inline F mul_pow2(F a, F n) {
  const F::I e = (__builtin_convertvector(n.v, F::I) + 127) << 23;
  F p;
  std::memcpy(&p.v, &e, 16);
  return a * p;
}
/// The first n lanes; the others zero.
inline F keep_n(F a, int n) { return load_n(reinterpret_cast<const float*>(&a.v), n); }
inline bool any_greater(F a, F b) {
  const F::I over = a.v > b.v;
  return (over[0] | over[1] | over[2] | over[3]) != 0;
}
/// a0 b0 a1 b1 ... of the lower and of the upper halves.
inline F zip_low(F a, F b) { return {F::V{a.v[0], b.v[0], a.v[1], b.v[1]}}; }
inline F zip_high(F a, F b) { return {F::V{a.v[2], b.v[2], a.v[3], b.v[3]}}; }
inline float sum(F a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
inline float max(F a) {
  const float x = a.v[0] > a.v[2] ? a.v[0] : a.v[2], y = a.v[1] > a.v[3] ? a.v[1] : a.v[3];
  return x > y ? x : y;
}

inline F load_bf16(const uint16_t* p) {
  F::U u = {p[0], p[1], p[2], p[3]};
  u <<= 16;
  F a;
  std::memcpy(&a.v, &u, 16);
  return a;
}
inline void store_bf16_n(uint16_t* p, F a, int n) {
  for (int i = 0; i < n; ++i) {
    uint32_t u;
    const float f = a.v[i];
    std::memcpy(&u, &f, 4);
    p[i] = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>((u >> 16) | 0x40)
                                           : static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
  }
}
inline void store_bf16(uint16_t* p, F a) { store_bf16_n(p, a, 4); }

/// Words of one counter for Philox, as in simd_avx512.h.
struct U {
  static constexpr int kLanes = 1;
  uint64_t v;
};
inline U set_u(uint32_t a) { return {a}; }
inline U counters(uint32_t first) { return {first}; }
inline U mul_wide(U a, U b) { return {uint64_t{static_cast<uint32_t>(a.v)} * static_cast<uint32_t>(b.v)}; }
inline U high(U a) { return {a.v >> 32}; }
inline U operator^(U a, U b) { return {a.v ^ b.v}; }
inline U xor3(U a, U b, U c) { return {a.v ^ b.v ^ c.v}; }
inline void store_kept(uint8_t* bits, U w0, U w1, U w2, U w3, uint32_t threshold) {
  const uint64_t words[4] = {w0.v, w1.v, w2.v, w3.v};
  int mask = 0;
  for (int i = 0; i < 8; ++i) mask |= ((words[i / 2] >> 16 * (i % 2) & 0xffff) >= threshold) << i;
  *bits = static_cast<uint8_t>(mask);
}
inline F kept(const uint8_t* bits, int64_t i, F factor) {
  const int32_t four = bits[i / 8] >> (i % 8);
  const F::I mask = (F::I{four, four, four, four} & F::I{1, 2, 4, 8}) != 0;
  F::I lanes;
  std::memcpy(&lanes, &factor.v, 16);
  lanes &= mask;
  F a;
  std::memcpy(&a.v, &lanes, 16);
  return a;
}

}  // namespace
