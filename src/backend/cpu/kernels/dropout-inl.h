#pragma once
// The draws of dropout (device/ops.h) for one row at a time: Philox4x32-10 over the lanes of U, a counter a
// lane, 8 draws a counter. The result is a bit a column, so that a row's mask stays in the first-level cache.
// Include after one simd_*.h.

#include "backend/cpu/kernels/row_kernels.h"

namespace {

using roberta::cpu::Draws;
using roberta::cpu::DropoutBlock;

/// Bytes of the bits of n columns: draws come a vector of counters at a time, kept() reads whole lanes.
constexpr int64_t bit_bytes(int64_t n) { return (n + 63) / 64 * 8; }

class Dropper {
 public:
  explicit Dropper(const Draws& draws) : draws_(draws), factor(set(draws.factor)) {
    for (uint32_t i = 0; i < 10; ++i) {
      keys_[i][0] = set_u(key(i, 0));
      keys_[i][1] = set_u(key(i, 1));
    }
  }

  /// The bits of columns [column, column + count) of row r; column is a multiple of 64. All set without
  /// dropout. Writes bit_bytes(count).
  void draw(int64_t r, int64_t column, int64_t count, uint8_t* bits) const {
    if (draws_.threshold == 0) {
      __builtin_memset(bits, 0xff, static_cast<size_t>(bit_bytes(count)));
      return;
    }
    // The counter is {block, place, sample, site} and only the block differs along a row, so half of the
    // first two rounds is the same for all lanes.
    const uint64_t at = draws_.rows[r];
    const uint32_t place = static_cast<uint32_t>(at) | draws_.head << 16;
    const uint64_t b0 = uint64_t{kM1} * static_cast<uint32_t>(at >> 32);
    const uint64_t a1 = uint64_t{kM0} * (static_cast<uint32_t>(b0 >> 32) ^ place ^ key(0, 0));
    const U first2 = set_u(draws_.site ^ key(0, 1)), second0 = set_u(static_cast<uint32_t>(b0) ^ key(1, 0)),
            second2 = set_u(static_cast<uint32_t>(a1 >> 32) ^ key(1, 1)),
            second3 = set_u(static_cast<uint32_t>(a1));
    const U m0 = set_u(kM0), m1 = set_u(kM1);
    const int64_t end = (count + 63) / 64 * 8;
    for (int64_t block = 0; block < end; block += U::kLanes) {
      const U a0 = mul_wide(counters(static_cast<uint32_t>(column / 8 + block)), m0);
      const U b1 = mul_wide(high(a0) ^ first2, m1);
      U x0 = high(b1) ^ second0, x1 = b1, x2 = a0 ^ second2, x3 = second3;
#pragma GCC unroll 8
      for (int i = 2; i < 10; ++i) {
        const U a = mul_wide(x0, m0), b = mul_wide(x2, m1);
        x0 = xor3(high(b), x1, keys_[i][0]);
        x1 = b;
        x2 = xor3(high(a), x3, keys_[i][1]);
        x3 = a;
      }
      store_kept(bits + block, x0, x1, x2, x3, draws_.threshold);
    }
  }

 private:
  static constexpr uint32_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57;
  uint32_t key(uint32_t round, int i) const {
    return draws_.key[i] + round * (i == 0 ? 0x9E3779B9 : 0xBB67AE85);
  }
  const Draws& draws_;
  U keys_[10][2];

 public:
  const F factor;  // of what is kept
};

constexpr int64_t kChunk = 1024;  // columns whose bits are drawn at a time

/// Calls f(i, n, factors) for the vectors of row r's columns: lanes [i, i + n), n < kLanes only at the end.
template <class Visit>
inline __attribute__((always_inline)) void for_dropped(const Dropper& dropper, int64_t r, int64_t cols,
                                                       Visit f) {
  uint8_t bits[bit_bytes(kChunk)];
  for (int64_t chunk = 0; chunk < cols; chunk += kChunk) {
    const int64_t count = cols - chunk < kChunk ? cols - chunk : kChunk;
    dropper.draw(r, chunk, count, bits);
    int64_t i = 0;
    for (; i + F::kLanes <= count; i += F::kLanes) f(chunk + i, F::kLanes, kept(bits, i, dropper.factor));
    if (i < count) f(chunk + i, static_cast<int>(count - i), kept(bits, i, dropper.factor));
  }
}
/// Loads and stores of n lanes, where n is mostly known to be all of them.
inline F load_lanes(const float* p, int n) { return n == F::kLanes ? load(p) : load_n(p, n); }
inline void store_lanes(float* p, F a, int n) {
  if (n == F::kLanes) {
    store(p, a);
  } else {
    store_n(p, a, n);
  }
}
inline void store_lanes(uint16_t* p, F a, int n) {
  if (n == F::kLanes) {
    store_bf16(p, a);
  } else {
    store_bf16_n(p, a, n);
  }
}

inline void dropout(const DropoutBlock& a) {
  const Dropper dropper(a.draws);
  for (int64_t r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    float* y = a.y + r * a.y_stride;
    uint16_t* low = a.y_bf16 ? a.y_bf16 + r * a.y_bf16_stride : nullptr;
    for_dropped(
        dropper, r, a.cols, [&](int64_t i, int n, F factor) __attribute__((always_inline)) {
          const F v = load_lanes(x + i, n) * factor;
          store_lanes(y + i, v, n);
          if (low) store_lanes(low + i, v, n);
        });
  }
}

}  // namespace
