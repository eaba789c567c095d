#pragma once
// Activation memory of a device: one block, handed out from both ends. Bottom: what the next layer (or the
// backward pass) needs; top: temporaries, released when their Scope ends. A measuring arena has no memory: it
// hands out addresses that must not be read and records the peak, so that the real block can be made at once
// in the right size.

#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "device/memory.h"

namespace roberta {

class Arena {
 public:
  explicit Arena(const Buffer& block) : base_(block.data()), size_(block.bytes()), top_(size_) {}
  /// Measuring.
  Arena() : base_(reinterpret_cast<void*>(kAlign)), size_(SIZE_MAX / 4), top_(size_) {}

  DevicePtr bottom(size_t bytes) {
    bytes = round_up(bytes);
    reserve(bytes);
    const DevicePtr p = base_ + static_cast<int64_t>(bottom_);
    bottom_ += bytes;
    return p;
  }
  DevicePtr top(size_t bytes) {
    bytes = round_up(bytes);
    reserve(bytes);
    top_ -= bytes;
    return base_ + static_cast<int64_t>(top_);
  }
  size_t peak() const { return peak_; }

  /// When it ends, releases all that was taken from the chosen ends since it began.
  class Scope {
   public:
    enum End { kTop, kBoth };
    explicit Scope(Arena& arena, End end = kTop)
        : arena_(arena), end_(end), bottom_(arena.bottom_), top_(arena.top_) {}
    ~Scope() {
      arena_.top_ = top_;
      if (end_ == kBoth) arena_.bottom_ = bottom_;
    }
    Scope(const Scope&) = delete;

   private:
    Arena& arena_;
    End end_;
    size_t bottom_, top_;
  };

 private:
  static constexpr size_t kAlign = 64;
  static size_t round_up(size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }
  void reserve(size_t bytes) {
    if (bytes > top_ - bottom_)
      fail(ErrorCode::kResource, "[arena] activation block of ", size_, " bytes is too small");
    const size_t used = bottom_ + (size_ - top_) + bytes;
    if (used > peak_) peak_ = used;
  }

  DevicePtr base_;
  size_t size_, bottom_ = 0, top_, peak_ = 0;
};

}  // namespace roberta
