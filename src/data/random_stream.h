#pragma once
// Random numbers one after another for one item of one epoch, so that no item's numbers depend on another's.

#include <cstdint>

#include "core/rng.h"

namespace roberta {

/// What the numbers are for. The tags separate the streams of one seed.
enum class RandomPurpose : uint64_t { kMask = 0x6d61736b, kOrder = 0x6f726472 };

/// The numbers of an epoch; Random itself has no parameters for purpose, epoch and item.
constexpr Random random_of_epoch(uint64_t seed, RandomPurpose what, int64_t epoch) {
  const PhiloxCounter block = Random(seed).block(static_cast<uint64_t>(what), static_cast<uint64_t>(epoch));
  return Random(block[0] | uint64_t{block[1]} << 32);
}

/// The numbers of one item, in order.
class RandomStream {
 public:
  RandomStream(const Random& random, int64_t item) : random_(random), item_(static_cast<uint64_t>(item)) {}

  uint32_t bits() {
    if (at_ == 4) block_ = random_.block(item_, next_++), at_ = 0;
    return block_[at_++];
  }
  double uniform() { return Random::uniform(bits()); }
  /// 0 .. n-1, n at most 2^31; uniform to within n / 2^32.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((uint64_t{bits()} * n) >> 32); }

 private:
  Random random_;
  uint64_t item_, next_ = 0;
  PhiloxCounter block_{};
  size_t at_ = 4;
};

}  // namespace roberta
