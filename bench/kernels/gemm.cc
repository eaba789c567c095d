// GEMM at the shapes of roberta-base and -large through the device: `bench_gemm [threads] [kernels]`. Prints
// machine facts and GFLOP/s as JSON lines. `bench_gemm threads kernels -` reads "DTYPE M N K" from stdin, one
// a line, and answers each by one measurement in GFLOP/s, so that a driver can interleave it with a baseline
// (tools/bench); kernels "" = best.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "bench/machine.h"
#include "core/dtype.h"

namespace {

using namespace roberta;
using Clock = std::chrono::steady_clock;

/// One product of fixed shape, with its memory.
class Case {
 public:
  Case(Device& device, DType dtype, int64_t m, int64_t n, int64_t k)
      : device_(device), weight_{{}, n, k, dtype}, gflop_(2e-9 * static_cast<double>(m * n * k)) {
    const int64_t x_stride = device.row_stride(k, dtype), y_stride = device.row_stride(n, dtype);
    x_ = device.allocate(static_cast<size_t>(m * x_stride * size_of(dtype)));
    y_ = device.allocate(static_cast<size_t>(m * y_stride * size_of(dtype)));
    w_ = device.allocate(device.weight_bytes(n, k, dtype));
    weight_.data = w_.data();
    std::vector<float> values(static_cast<size_t>(n * k), 0.01f);
    device.pack(weight_, 0, {values.data(), n, k, k, DType::kF32});
    gemm_ = {.x = {x_.data(), m, k, x_stride, dtype}, .w = &weight_, .y = {y_.data(), m, n, y_stride, dtype}};
    times_ = std::max(1, static_cast<int>(0.03 / std::max(1e-6, seconds(2) / 2)));
  }
  Case(const Case&) = delete;

  double gflop() const { return gflop_; }
  /// GFLOP/s over about 30 ms.
  double measure() { return gflop_ * times_ / seconds(times_); }

 private:
  double seconds(int times) {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) device_.ops().gemm(gemm_);
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  Device& device_;
  Buffer x_, y_, w_;
  Weight weight_;
  Gemm gemm_;
  double gflop_;
  int times_ = 1;
};

double median_gflops(Device& device, DType dtype, int64_t m, int64_t n, int64_t k) {
  Case product(device, dtype, m, n, k);
  std::vector<double> gflops;
  for (int i = 0; i < 9; ++i) gflops.push_back(product.measure());
  std::sort(gflops.begin(), gflops.end());
  return gflops[4];
}

/// Serves the driver's requests until it closes stdin. The last shape is kept: a driver asks for it many
/// times.
void serve_requests(Device& device) {
  std::string last;
  std::unique_ptr<Case> product;
  for (std::string line; std::getline(std::cin, line);) {
    if (line != last) {
      std::istringstream request(line);
      std::string dtype;
      int64_t m = 0, n = 0, k = 0;
      request >> dtype >> m >> n >> k;
      product = std::make_unique<Case>(device, dtype == "bfloat16" ? DType::kBF16 : DType::kF32, m, n, k);
      last = line;
    }
    std::printf("%.5f %.5f\n", product->gflop() / product->measure() * 1e3, product->gflop());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  std::unique_ptr<Device> device = cpu::open_cpu_device(threads, argc > 2 ? argv[2] : "");
  std::printf("%s\n{\"device\": \"%s\"}\n", machine_facts().c_str(), device->describe().c_str());
  std::fflush(stdout);
  if (argc > 3) {
    serve_requests(*device);
    return 0;
  }
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
