#pragma once
// Memory of a device, in types of its own. The host hands them on and computes with addresses; it can't read
// or write through them, so the compiler finds host access. Copies go through Device (device.h). Only a
// backend whose memory is the host's turns them into host views (backend/host_view.h).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "core/dtype.h"

namespace roberta {

class DevicePtr {
 public:
  DevicePtr() = default;
  explicit DevicePtr(void* address) : address_(address) {}
  /// For backends: the address as their own memory sees it.
  void* address() const { return address_; }

  explicit operator bool() const { return address_ != nullptr; }
  DevicePtr operator+(int64_t bytes) const { return DevicePtr(static_cast<char*>(address_) + bytes); }
  /// Bytes from one address to another of the same block.
  int64_t operator-(DevicePtr o) const {
    return static_cast<char*>(address_) - static_cast<char*>(o.address_);
  }
  bool operator==(const DevicePtr&) const = default;

 private:
  void* address_ = nullptr;
};

/// Borrows elements that lie one after another. An empty one means "not wanted" or "not there".
template <class T>
class DeviceSpan {
 public:
  DeviceSpan() = default;
  DeviceSpan(DevicePtr data, int64_t size) : data_(data), size_(size) {}
  template <class U>
  requires(std::is_same_v<const U, T>) DeviceSpan(const DeviceSpan<U>& o)
      : data_(o.data()), size_(o.size()) {}

  DevicePtr data() const { return data_; }
  int64_t size() const { return size_; }
  size_t size_bytes() const { return static_cast<size_t>(size_) * sizeof(T); }
  bool empty() const { return size_ == 0; }
  DeviceSpan subspan(int64_t begin, int64_t count) const {
    return {data_ + begin * static_cast<int64_t>(sizeof(T)), count};
  }

 private:
  DevicePtr data_;
  int64_t size_ = 0;
};

/// Borrows a row-major matrix. An empty one (without data) means "not wanted" or "not there".
struct DeviceView {
  DevicePtr data;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  ///< elements between the starts of two rows
  DType dtype = DType::kF32;

  explicit operator bool() const { return static_cast<bool>(data); }
  /// Rows [begin, begin + count).
  DeviceView slice(int64_t begin, int64_t count) const {
    if (!data) return {};
    return {data + begin * stride * size_of(dtype), count, cols, stride, dtype};
  }
  /// Columns [begin, begin + count).
  DeviceView columns(int64_t begin, int64_t count) const {
    if (!data) return {};
    return {data + begin * size_of(dtype), rows, count, stride, dtype};
  }
};

/// A matrix of parameters [N, K] in the backend's own layout, which serves GEMM and row gathers alike.
/// Borrows.
struct Weight {
  DevicePtr data;
  int64_t rows = 0, cols = 0;
  DType dtype = DType::kF32;
  explicit operator bool() const { return static_cast<bool>(data); }
};

/// Owns memory of a device; 64-byte aligned at least.
class Buffer {
 public:
  Buffer() = default;
  Buffer(void* address, size_t bytes, std::function<void(void*, size_t)> release)
      : data_(address), bytes_(bytes), release_(std::move(release)) {}
  Buffer(Buffer&& o) noexcept { swap(o); }
  Buffer& operator=(Buffer&& o) noexcept {
    Buffer(std::move(o)).swap(*this);
    return *this;
  }
  ~Buffer() {
    if (data_) release_(data_.address(), bytes_);
  }
  void swap(Buffer& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    std::swap(release_, o.release_);
  }
  DevicePtr data() const { return data_; }
  size_t bytes() const { return bytes_; }
  /// `count` elements from element `begin` on.
  template <class T>
  DeviceSpan<T> span(int64_t begin, int64_t count) const {
    return {data_ + begin * static_cast<int64_t>(sizeof(T)), count};
  }

 private:
  DevicePtr data_;
  size_t bytes_ = 0;
  std::function<void(void*, size_t)> release_;
};

}  // namespace roberta
