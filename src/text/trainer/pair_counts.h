#pragma once
// Counts of pairs of token ids: a flat open-addressing table that only grows.

#include <cstdint>
#include <vector>

namespace roberta {

class PairCounts {
 public:
  PairCounts() : slots_(1 << 16), mask_(slots_.size() - 1) {}

  void prefetch(uint64_t pair) const { __builtin_prefetch(&slots_[hash_of(pair) & mask_]); }

  /// Adds to the pair's count (0 when new) and returns the sum.
  int64_t add(uint64_t pair, int64_t change) {
    Slot& slot = find(pair);
    const int64_t sum = slot.count += change;
    if (slot.pair != kFree) return sum;
    slot.pair = pair;
    if (++size_ * 2 > slots_.size()) grow();
    return sum;
  }

  int64_t get(uint64_t pair) const { return const_cast<PairCounts*>(this)->find(pair).count; }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};
  struct Slot {
    uint64_t pair = kFree;
    int64_t count = 0;
  };

  static uint64_t hash_of(uint64_t pair) {
    const uint64_t product = pair * 0x9E3779B97F4A7C15;
    return product ^ (product >> 32);
  }

  Slot& find(uint64_t pair) {
    uint64_t i = hash_of(pair) & mask_;
    while (slots_[i].pair != pair && slots_[i].pair != kFree) i = (i + 1) & mask_;
    return slots_[i];
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.pair != kFree) find(slot.pair) = slot;
    }
  }

  std::vector<Slot> slots_;
  uint64_t mask_;
  uint64_t size_ = 0;
};

}  // namespace roberta
