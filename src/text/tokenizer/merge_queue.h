#pragma once
// The priority queue of BPE training: the pair with the highest count first, ties by the smaller pair.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace roberta {

/// Pair of token ids as one number; its order is that of (left, right).
constexpr uint64_t make_pair_key(uint32_t left, uint32_t right) {
  return static_cast<uint64_t>(left) << 32 | right;
}
constexpr uint32_t left_of(uint64_t pair) { return static_cast<uint32_t>(pair >> 32); }
constexpr uint32_t right_of(uint64_t pair) { return static_cast<uint32_t>(pair); }

/// Most entries are rare pairs that are never reached, so only those of the highest counts are kept in a
/// heap; the rest are kept unsorted in buckets of equal or similar counts, and a bucket becomes the heap when
/// its turn comes.
class MergeQueue {
 public:
  struct Entry {
    int64_t count;  // when it was pushed or last looked at
    uint64_t pair;
    uint64_t words;  // where its list of words begins; older lists first among equals
  };

  bool empty() const { return size_ == 0; }

  void push(const Entry& entry) {
    ++size_;
    const size_t bucket = bucket_of(entry.count);
    if (bucket < level_) {
      buckets_[bucket].push_back(entry);
    } else {
      heap_.push_back(entry);
      std::push_heap(heap_.begin(), heap_.end(), later);
    }
  }

  /// Takes the first entry; the queue must not be empty.
  Entry pop() {
    while (heap_.empty()) {
      heap_ = std::move(buckets_[--level_]);
      buckets_[level_] = {};
      std::make_heap(heap_.begin(), heap_.end(), later);
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Entry entry = heap_.back();
    heap_.pop_back();
    --size_;
    return entry;
  }

 private:
  static constexpr int kExactBits = 6;     // counts below 64 have a bucket each,
  static constexpr int kFractionBits = 5;  // above, each power of two has 32
  static constexpr size_t kBuckets = (size_t{1} << kExactBits) + (size_t{64 - kExactBits} << kFractionBits);

  static size_t bucket_of(int64_t count) {
    const auto value = static_cast<uint64_t>(count);
    const int exponent = std::bit_width(value) - 1;
    if (exponent < kExactBits) return value;
    const uint64_t fraction = (value >> (exponent - kFractionBits)) & ((1u << kFractionBits) - 1);
    return (size_t{1} << kExactBits) + (static_cast<size_t>(exponent - kExactBits) << kFractionBits) +
           fraction;
  }
  static bool later(const Entry& a, const Entry& b) {
    if (a.count != b.count) return a.count < b.count;
    if (a.pair != b.pair) return a.pair > b.pair;
    return a.words > b.words;
  }

  std::vector<Entry> heap_;  // all entries of buckets >= level_
  std::array<std::vector<Entry>, kBuckets> buckets_;
  size_t level_ = kBuckets;
  size_t size_ = 0;
};

}  // namespace roberta
