#include "backend/ref/ref_device.h"

#include <cstring>
#include <new>

#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"
#include "core/convert.h"
#include "core/error.h"

namespace roberta::ref {
namespace {

class RefDevice final : public Device {
 public:
  Buffer allocate(size_t bytes) override {
    char* data = new (std::nothrow) char[bytes + 64]();
    if (!data) fail(ErrorCode::kResource, "[ref] no memory for ", bytes, " bytes");
    void* aligned = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(data) + 63) / 64 * 64);
    return Buffer(aligned, bytes, [data](void*, size_t) { delete[] data; });
  }
  void upload(DevicePtr to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to.address(), from, bytes);
  }
  void download(void* to, DevicePtr from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from.address(), bytes);
  }
  void copy(DevicePtr to, DevicePtr from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to.address(), from.address(), bytes);
  }
  void zero(DevicePtr data, size_t bytes) override {
    if (bytes > 0) std::memset(data.address(), 0, bytes);
  }
  const DeviceTuning& tuning() const override { return tuning_; }
  int64_t row_stride(int64_t cols, DType) const override { return cols; }
  void reserve_workspace(size_t) override {}
  size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const override {
    return static_cast<size_t>((rows * cols * size_of(dtype) + 63) / 64 * 64);
  }
  int64_t pack_rows(DType) const override { return 1; }
  void pack(const Weight& w, int64_t row, View source) override {
    const DeviceView to = as_view(w).slice(row, source.rows);
    const bool doubles = to.dtype == DType::kF64 || source.dtype == DType::kF64;
    if (!doubles || source.dtype == DType::kF16) return convert(source, host(to));
    for (int64_t r = 0; r < source.rows; ++r) {
      for (int64_t c = 0; c < source.cols; ++c) set(to, r, c, get(source, r, c));
    }
  }
  Ops& ops() override { return ops_; }
  int threads() const override { return 1; }
  std::string describe() const override { return "ref, 1 thread"; }

 private:
  DeviceTuning tuning_;
  RefOps ops_;
};

}  // namespace

std::unique_ptr<Device> open_ref_device() { return std::make_unique<RefDevice>(); }

}  // namespace roberta::ref
