#pragma once
// A device: memory, the layout of weights, and the operations. One compute thread calls it.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/dtype.h"
#include "device/ops.h"

namespace roberta {

/// Owns memory of a device; 64-byte aligned at least.
class Buffer {
 public:
  Buffer() = default;
  Buffer(void* data, size_t bytes, std::function<void(void*, size_t)> release)
      : data_(data), bytes_(bytes), release_(std::move(release)) {}
  Buffer(Buffer&& o) noexcept { swap(o); }
  Buffer& operator=(Buffer&& o) noexcept {
    Buffer(std::move(o)).swap(*this);
    return *this;
  }
  ~Buffer() {
    if (data_) release_(data_, bytes_);
  }
  void swap(Buffer& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    std::swap(release_, o.release_);
  }
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  std::function<void(void*, size_t)> release_;
};

class Device {
 public:
  virtual ~Device() = default;

  /// Zeroed memory. Error(kResource) when there is none left.
  virtual Buffer allocate(size_t bytes) = 0;
  /// Copies between host and device memory, or within either.
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* data, size_t bytes) = 0;

  /// Bytes of a Weight [rows, cols]; a multiple of 64.
  virtual size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const = 0;
  /// Rows of a Weight that are best packed together: pack() is fastest on whole groups, and distinct groups
  /// may be packed by distinct threads at once.
  virtual int64_t pack_rows(DType dtype) const = 0;
  /// Puts source [n, cols] (F32, F16 or BF16, host memory; F64 on `ref`) into rows [row, row + n) of w.
  virtual void pack(const Weight& w, int64_t row, View source) const = 0;

  virtual Ops& ops() = 0;
  virtual int threads() const = 0;
  /// "cpu avx512+bf16, 2 threads"
  virtual std::string describe() const = 0;
};

}  // namespace roberta
