// GEMM at the shapes of roberta-base and -large through the device: `bench_gemm [threads] [kernels]`. Prints machine
// facts and GFLOP/s as JSON lines.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "core/dtype.h"
#include "machine.h"

namespace {

using namespace roberta;
using Clock = std::chrono::steady_clock;

double median_gflops(Device& device, DType dtype, int64_t m, int64_t n, int64_t k) {
  const int64_t x_stride = padded_stride(k, dtype), y_stride = padded_stride(n, dtype);
  Buffer x = device.allocate(static_cast<size_t>(m * x_stride * size_of(dtype)));
  Buffer y = device.allocate(static_cast<size_t>(m * y_stride * size_of(dtype)));
  Buffer w = device.allocate(device.weight_bytes(n, k, dtype));
  const Weight weight{w.data(), n, k, dtype};
  std::vector<float> row(static_cast<size_t>(n * k), 0.01f);
  device.pack(weight, 0, {row.data(), n, k, k, DType::kF32});
  const Gemm gemm{.x = {x.data(), m, k, x_stride, dtype}, .w = &weight, .y = {y.data(), m, n, y_stride, dtype}};
  const auto seconds = [&](int times) {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) device.ops().gemm(gemm);
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const int times = std::max(1, static_cast<int>(0.03 / std::max(1e-6, seconds(2) / 2)));
  std::vector<double> gflops;
  for (int i = 0; i < 9; ++i) {
    gflops.push_back(2e-9 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) * times / seconds(times));
  }
  std::sort(gflops.begin(), gflops.end());
  return gflops[4];
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  std::unique_ptr<Device> device = cpu::open_cpu_device(threads, argc > 2 ? argv[2] : "");
  std::printf("%s\n{\"device\": \"%s\"}\n", machine_facts().c_str(), device->describe().c_str());
  const int64_t shapes[][2] = {{768, 768}, {1536, 768}, {3072, 768}, {768, 3072}, {4096, 1024}, {1024, 4096}};
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    for (int64_t m : {16, 128, 512, 1024}) {
      std::printf("{\"dtype\": \"%s\", \"m\": %ld, \"gflops\": {", name_of(dtype), static_cast<long>(m));
      const char* comma = "";
      for (const auto& [n, k] : shapes) {
        std::printf("%s\"%ldx%ld\": %.0f", comma, static_cast<long>(n), static_cast<long>(k),
                    median_gflops(*device, dtype, m, n, k));
        comma = ", ";
      }
      std::printf("}}\n");
      std::fflush(stdout);
    }
  }
  return 0;
}
