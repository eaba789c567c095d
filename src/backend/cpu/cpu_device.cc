#include "backend/cpu/cpu_device.h"

#include <cstring>
#include <string>
#include <vector>

#include "backend/cpu/kernels/select.h"
#include "backend/cpu/memory.h"
#include "backend/cpu/ops/cpu_ops.h"
#include "core/convert.h"
#include "core/cpus.h"
#include "core/error.h"

namespace roberta::cpu {
namespace {

class CpuDevice final : public Device {
 public:
  CpuDevice(const Kernels& kernels, int threads)
      : kernels_(kernels), threads_(threads), ops_(kernels, threads) {}

  Buffer allocate(size_t bytes) override { return allocate_memory(bytes); }
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
  int64_t row_stride(int64_t cols, DType dtype) const override { return padded_stride(cols, dtype); }
  void reserve_workspace(size_t bytes) override { ops_.reserve_workspace(bytes); }

  size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const override {
    const int64_t panels = (rows + kernels_.panel - 1) / kernels_.panel;
    return static_cast<size_t>((panels * panel_bytes(kernels_.panel, cols, size_of(dtype)) + 63) / 64 * 64);
  }
  int64_t pack_rows(DType) const override { return kernels_.panel; }

  void pack(const Weight& w, int64_t row, View source) override {
    if (row % kernels_.panel)
      fail(ErrorCode::kFailed, "[cpu] pack: row ", row, " is not the first of a panel");
    const MatrixKernels& matrix = w.dtype == DType::kBF16 ? kernels_.bf16 : kernels_.f32;
    const int64_t step = panel_bytes(kernels_.panel, w.cols, size_of(w.dtype));
    std::vector<char> converted;
    for (int64_t r = 0; r < source.rows; r += kernels_.panel) {
      View part = source.slice(r, std::min(kernels_.panel, source.rows - r));
      if (part.dtype != w.dtype) {
        converted.resize(static_cast<size_t>(part.rows * w.cols * size_of(w.dtype)));
        const View to{converted.data(), part.rows, w.cols, w.cols, w.dtype};
        convert(part, to);
        part = to;
      }
      matrix.pack_panel(part.data, part.stride, part.rows, w.cols,
                        static_cast<char*>(w.data.address()) + (row + r) / kernels_.panel * step);
    }
  }

  Ops& ops() override { return ops_; }
  int threads() const override { return threads_; }
  std::string describe() const override {
    return concat("cpu ", kernels_.name, ", ", threads_, threads_ == 1 ? " thread" : " threads");
  }

 private:
  const Kernels& kernels_;
  int threads_;
  DeviceTuning tuning_;
  CpuOps ops_;
};

}  // namespace

std::unique_ptr<Device> open_cpu_device(int threads, const std::string& name) {
  const Kernels* kernels = name.empty() ? &selected_kernels() : find_kernels(name);
  if (!kernels) fail(ErrorCode::kUsage, "[cpu] kernels '", name, "' do not run on this CPU");
  return std::make_unique<CpuDevice>(*kernels, threads > 0 ? threads : usable_cpus());
}

}  // namespace roberta::cpu
