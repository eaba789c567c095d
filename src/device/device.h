#pragma once
// A device: memory, the layout of weights, and the operations.
//
// Operations and copies run in the order in which they are called. One compute thread calls them; upload(),
// download() and pack() may also be called by other threads, for memory that no operation under way uses.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "device/memory.h"
#include "device/ops.h"

namespace roberta {

/// A point in the work of a device.
class DeviceEvent {
 public:
  virtual ~DeviceEvent() = default;
  /// Returns when all work before it is done. From any thread.
  virtual void wait() = 0;
};

/// How the model cuts its work for a device.
struct DeviceTuning {
  int64_t feed_forward_rows = 576;  ///< at once: [576, 3072] fp32 is 7 MB, a share of a last-level cache
  int64_t logit_rows = 128;         ///< [rows, V] held at once: 26 MB at 50,265 entries
};

class Device {
 public:
  virtual ~Device() = default;

  /// Zeroed memory. Error(kResource) when there is none left. Released when no work under way uses it.
  virtual Buffer allocate(size_t bytes) = 0;
  /// From host memory, which may change when this returns.
  virtual void upload(DevicePtr to, const void* from, size_t bytes) = 0;
  /// To host memory: it is there when this returns.
  virtual void download(void* to, DevicePtr from, size_t bytes) = 0;
  /// `rows` runs of `bytes`, whose starts are `to_stride` and `from_stride` bytes apart.
  virtual void download_rows(void* to, size_t to_stride, DevicePtr from, size_t from_stride, size_t bytes,
                             int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      download(static_cast<char*>(to) + static_cast<size_t>(r) * to_stride,
               from + r * static_cast<int64_t>(from_stride), bytes);
    }
  }
  /// Within the device.
  virtual void copy(DevicePtr to, DevicePtr from, size_t bytes) = 0;
  virtual void zero(DevicePtr data, size_t bytes) = 0;
  /// Returns when all work is done. The default is that of a device whose calls return when they are done.
  virtual void synchronize() {}
  /// This point in the work; null: all before it is done already.
  virtual std::shared_ptr<DeviceEvent> record() { return nullptr; }

  virtual const DeviceTuning& tuning() const = 0;
  /// Elements between the rows of a matrix of activations.
  virtual int64_t row_stride(int64_t cols, DType dtype) const = 0;
  /// Makes room for operations whose Ops::workspace() is up to that many bytes, so that none of them has to.
  virtual void reserve_workspace(size_t bytes) = 0;

  /// Bytes of a Weight [rows, cols]; a multiple of 64.
  virtual size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const = 0;
  /// Rows of a Weight that are best packed together: pack() is fastest on whole groups, and distinct groups
  /// may be packed by distinct threads at once.
  virtual int64_t pack_rows(DType dtype) const = 0;
  /// Puts source [n, cols] (F32, F16 or BF16, host memory; F64 on `ref`) into rows [row, row + n) of w.
  virtual void pack(const Weight& w, int64_t row, View source) = 0;

  virtual Ops& ops() = 0;
  /// Host threads that work for the device.
  virtual int threads() const = 0;
  /// "cpu avx512+bf16, 2 threads"
  virtual std::string describe() const = 0;
};

template <class T>
void upload(Device& device, DeviceSpan<T> to, std::span<const T> from) {
  device.upload(to.data(), from.data(), from.size_bytes());
}
template <class T>
std::vector<std::remove_const_t<T>> download(Device& device, DeviceSpan<T> from) {
  std::vector<std::remove_const_t<T>> to(static_cast<size_t>(from.size()));
  device.download(to.data(), from.data(), from.size_bytes());
  return to;
}

}  // namespace roberta
