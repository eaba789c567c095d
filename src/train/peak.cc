#include "train/peak.h"

#include <algorithm>
#include <chrono>

namespace roberta {

double measure_peak_flops(Device& device, DType dtype) {
  constexpr int64_t kRows = 1024, kSize = 1024;
  constexpr double kSeconds = 0.25;
  const int64_t stride = device.row_stride(kSize, dtype);
  const size_t bytes = static_cast<size_t>(kRows * stride * size_of(dtype));
  const Buffer weights = device.allocate(device.weight_bytes(kSize, kSize, dtype));
  const Buffer x = device.allocate(bytes), y = device.allocate(bytes);
  const Weight w{weights.data(), kSize, kSize, dtype};
  const Gemm gemm{
      .x = {x.data(), kRows, kSize, stride, dtype}, .w = &w, .y = {y.data(), kRows, kSize, stride, dtype}};
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  double best = 1e30;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point begin = Clock::now();
    device.ops().gemm(gemm);
    device.synchronize();
    best = std::min(best, seconds(Clock::now() - begin));
  } while (seconds(Clock::now() - start) < kSeconds);
  return 2.0 * kRows * kSize * kSize / best;
}

}  // namespace roberta
