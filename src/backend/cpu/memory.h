#pragma once
// Blocks of memory straight from the system.

#include <cstddef>

#include "device/device.h"

namespace roberta::cpu {

/// Zeroed memory, 4096-byte aligned; huge pages where they pay. Error(kResource) when there is none left.
Buffer allocate_memory(size_t bytes);

/// Memory of an operation's own that grows to the most it was ever asked for; contents are lost when it
/// grows.
class GrowingMemory {
 public:
  void* get(size_t bytes) {
    if (buffer_.bytes() < bytes) {
      buffer_ = Buffer();  // first, so that the old is never held beside the new
      buffer_ = allocate_memory(bytes);
    }
    return buffer_.data();
  }
  float* floats(int64_t count) {
    return static_cast<float*>(get(static_cast<size_t>(count) * sizeof(float)));
  }

 private:
  Buffer buffer_;
};

}  // namespace roberta::cpu
