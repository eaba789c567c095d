#pragma once
// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// 2011). A number is a function of (seed, stream, index), so any element can be drawn separately, on any
// thread or device, and a resumed run needs no stored state. Only exact operations (integers, + - * /,
// sqrt) are used, in a fixed order: every machine gets the same bits.

#include <array>
#include <cmath>
#include <cstdint>

namespace roberta {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

/// Four independent 32-bit numbers.
constexpr PhiloxCounter philox4x32(PhiloxCounter x, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * x[0], b = uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return x;
}

/// Natural logarithm of a positive normal number, to about 1e-15; std::log differs between C libraries.
inline double exact_log(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) m *= 2, --exponent;
  const double s = (m - 1) / (m + 1), s2 = s * s;  // log m = 2 atanh(s), |s| < 0.172
  double sum = 0;
  for (int k = 19; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2 * s * sum + exponent * 0.69314718055994531;
}

/// Inverse of the normal distribution function for 0 < p < 1, to about 1e-7 (Wichura, algorithm AS 241,
/// PPND7).
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
           (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1);
  }
  const double r = std::sqrt(-exact_log(q < 0 ? p : 1 - p));
  double z;
  if (r <= 5) {
    const double t = r - 1.6;
    z = (((0.17023821103 * t + 1.3067284816) * t + 2.7568153900) * t + 1.4234372777) /
        ((0.12021132975 * t + 0.73700164250) * t + 1);
  } else {
    const double t = r - 5;
    z = (((0.017337203997 * t + 0.42868294337) * t + 3.0812263860) * t + 6.6579051150) /
        ((0.012258202635 * t + 0.24197894225) * t + 1);
  }
  return q < 0 ? -z : z;
}

/// The numbers of one seed. `stream` says what they are for (a tensor, a layer's dropout at a step); `index`
/// counts within it. Immutable.
class Random {
 public:
  explicit constexpr Random(uint64_t seed)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {}

  /// The numbers of the indices 4 * block .. 4 * block + 3.
  constexpr PhiloxCounter block(uint64_t stream, uint64_t block) const {
    return philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                       static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                      key_);
  }
  constexpr uint32_t bits(uint64_t stream, uint64_t index) const {
    return block(stream, index / 4)[index % 4];
  }
  /// In (0, 1), never either end.
  static constexpr double uniform(uint32_t bits) { return (bits + 0.5) * 0x1p-32; }
  /// Mean 0, deviation 1; at most 6.3 in size.
  static double normal(uint32_t bits) { return normal_quantile(uniform(bits)); }

 private:
  PhiloxKey key_;
};

}  // namespace roberta
