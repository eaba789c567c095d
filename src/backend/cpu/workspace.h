#pragma once
// Scratch memory of the operations.

#include <algorithm>
#include <cstddef>

#include "backend/cpu/memory.h"
#include "core/error.h"

namespace roberta::cpu {

/// One block, which grows to the largest need. An operation opens a Frame of all that it takes, operations
/// that it calls included; their frames lie in what is left of it.
class Workspace {
 public:
  /// What take() uses of a frame for that many bytes.
  static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

  /// Outside frames. Contents are lost.
  void reserve(size_t bytes) {
    if (block_.bytes() >= bytes) return;
    block_ = Buffer();  // first, so that the old block is never held beside the new
    block_ = allocate_memory(bytes);
  }

  class Frame {
   public:
    Frame(Workspace& workspace, size_t bytes) : workspace_(workspace), begin_(workspace.taken_) {
      if (begin_ == 0) workspace.reserve(bytes);
      end_ = begin_ + bytes;
    }
    ~Frame() { workspace_.taken_ = begin_; }
    Frame(const Frame&) = delete;
    /// 64-byte aligned.
    template <class T>
    T* take(int64_t count) {
      void* data = static_cast<char*>(workspace_.block_.data().address()) + workspace_.taken_;
      workspace_.taken_ += rounded(static_cast<size_t>(count) * sizeof(T));
      if (workspace_.taken_ > end_ || workspace_.taken_ > workspace_.block_.bytes())
        fail(ErrorCode::kFailed, "[cpu] an operation takes more workspace than it said");
      return static_cast<T*>(data);
    }

   private:
    Workspace& workspace_;
    size_t begin_, end_ = 0;
  };

 private:
  Buffer block_;
  size_t taken_ = 0;
};

}  // namespace roberta::cpu
