#pragma once
// A device without memory: it hands out addresses that must not be read and counts their bytes. Whatever is
// made on it (parameters, activations, moments) shows what it would take, by the very code that makes it.

#include <cstdint>
#include <memory>
#include <string>

#include "device/device.h"
#include "device/null_ops.h"

namespace roberta {

/// Layouts are those of the device that it stands for.
class MeasuringDevice final : public Device {
 public:
  explicit MeasuringDevice(std::shared_ptr<const Device> real) : real_(std::move(real)) {}

  /// Of all that is allocated now. Buffers may outlive the device.
  int64_t bytes() const { return *bytes_; }

  Buffer allocate(size_t bytes) override {
    void* data = reinterpret_cast<void*>(next_);
    next_ += (bytes + kAlign - 1) / kAlign * kAlign + kAlign;  // no two blocks touch
    *bytes_ += static_cast<int64_t>(bytes);
    return Buffer(data, bytes,
                  [count = bytes_](void*, size_t size) { *count -= static_cast<int64_t>(size); });
  }
  void copy(void*, const void*, size_t) override {}
  void zero(void*, size_t) override {}
  size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const override {
    return real_->weight_bytes(rows, cols, dtype);
  }
  int64_t pack_rows(DType dtype) const override { return real_->pack_rows(dtype); }
  void pack(const Weight&, int64_t, View) const override {}
  Ops& ops() override { return ops_; }
  int threads() const override { return real_->threads(); }
  std::string describe() const override { return real_->describe(); }

 private:
  static constexpr size_t kAlign = 64;

  std::shared_ptr<const Device> real_;
  NullOps ops_;
  uintptr_t next_ = kAlign;
  std::shared_ptr<int64_t> bytes_ = std::make_shared<int64_t>(0);
};

}  // namespace roberta
