// The matrix operations of a training step: `bench_gemm_grad [threads] [kernels] [wall|cpu] [filter]`. Prints
// machine facts and, as JSON lines, GFLOP/s and the fraction of peak (packing: GB/s of what it reads and
// writes); `filter`: only lines that contain it. The peak is the best of the
// loops of bench_ceiling that run between the measurements. "cpu" counts CPU time over threads instead of
// time, for a machine that others use too.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "bench/kernels/ceiling.h"
#include "bench/kernels/matrix.h"
#include "bench/machine.h"

namespace {

using namespace roberta;

constexpr float kScale = 0.032f;  // of operands: sums stay small

/// A weight [n, k] and its transpose.
struct Weights {
  Weights(Device& device, int64_t n, int64_t k, DType dtype)
      : source(device, n, k, DType::kF32, kScale),
        memory(device.allocate(device.weight_bytes(n, k, dtype))),
        memory_transposed(device.allocate(device.weight_bytes(k, n, dtype))),
        w{memory.data(), n, k, dtype},
        transposed{memory_transposed.data(), k, n, dtype} {
    pack(device);
  }
  Weights(const Weights&) = delete;
  void pack(Device& device) {
    device.ops().pack({.source = source.view, .w = &w, .w_transposed = &transposed});
  }
  Matrix source;
  Buffer memory, memory_transposed;
  Weight w, transposed;
};

class Bench {
 public:
  Bench(int threads, const char* kernels, bool cpu_time, std::string filter)
      : device_(cpu::open_cpu_device(threads, kernels)), cpu_time_(cpu_time), filter_(std::move(filter)) {
    std::printf("%s\n{\"device\": \"%s\"}\n", machine_facts().c_str(), device_->describe().c_str());
  }
  Device& device() { return *device_; }

  /// `amount` of one call: GFLOP, or GB for lines without a dtype.
  void line(const std::string& name, const DType* dtype, double amount, const std::function<void()>& call) {
    const Loop* peak = nullptr;
    static const std::vector<Loop> all = loops();
    for (const Loop& loop : all) {
      if (dtype && loop.usable && std::strncmp(loop.name, *dtype == DType::kBF16 ? "bf16" : "fp32", 4) == 0)
        peak = &loop;
    }
    call();
    const int times = std::max(1, static_cast<int>(0.02 / std::max(1e-6, seconds(call))));
    std::vector<double> rates;
    double best_ceiling = 0;  // a disturbed loop would flatter the operation
    for (int i = 0; i < 9; ++i) {
      if (peak) {
        const double took = seconds([&] { run_loop(*peak, device_->threads(), kLoopSteps); });
        best_ceiling = std::max(best_ceiling, gflop(*peak, device_->threads(), kLoopSteps) / took);
      }
      rates.push_back(amount * times / seconds([&] {
                        for (int t = 0; t < times; ++t) call();
                      }));
    }
    std::sort(rates.begin(), rates.end());
    std::printf("{\"op\": \"%s\", \"%s\": {\"median\": %.0f, \"max\": %.0f}", name.c_str(),
                dtype ? "gflops" : "gb_per_s", rates[4], rates.back());
    if (peak) std::printf(", \"of_peak\": %.2f", rates[4] / best_ceiling);
    std::printf("}\n");
    std::fflush(stdout);
  }
  bool wanted(const std::string& name) const { return name.find(filter_) != std::string::npos; }

 private:
  double now() const {
    timespec t;
    clock_gettime(cpu_time_ ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  double seconds(const std::function<void()>& call) const {
    const double start = now();
    call();
    return (now() - start) / (cpu_time_ ? device_->threads() : 1);
  }

  std::unique_ptr<Device> device_;
  bool cpu_time_;
  std::string filter_;
};

std::string shape(const char* op, DType dtype, int64_t rows, int64_t n, int64_t k) {
  return std::string(op) + " " + name_of(dtype) + " " + std::to_string(rows) + " x " + std::to_string(n) +
         "x" + std::to_string(k);
}

/// A layer's weight [n, k] and t tokens: forward, gradient by the input (through GELU), gradient by the
/// weight.
void products(Bench& bench, DType dtype, int64_t t, int64_t n, int64_t k) {
  const std::string forward = shape("gemm", dtype, t, n, k), backward = shape("gemm_dx", dtype, t, n, k),
                    through = shape("gemm_dx_gelu", dtype, t, n, k),
                    grad = shape("gemm_grad", dtype, t, n, k);
  if (!bench.wanted(forward) && !bench.wanted(backward) && !bench.wanted(through) && !bench.wanted(grad))
    return;
  Device& d = bench.device();
  Weights w(d, n, k, dtype);
  Matrix x(d, t, k, dtype, kScale), y(d, t, n, dtype, kScale), dx(d, t, k, dtype, kScale),
      dw(d, n, k, DType::kF32, kScale), bias(d, 1, n, DType::kF32, kScale);
  const double flop = 2e-9 * static_cast<double>(t * n * k);
  if (bench.wanted(forward))
    bench.line(forward, &dtype, flop,
               [&] { d.ops().gemm({.x = x.view, .w = &w.w, .bias = bias.view, .y = y.view}); });
  if (bench.wanted(backward))
    bench.line(backward, &dtype, flop,
               [&] { d.ops().gemm({.x = y.view, .w = &w.transposed, .y = dx.view}); });
  if (bench.wanted(through))
    bench.line(through, &dtype, flop,
               [&] { d.ops().gemm({.x = y.view, .w = &w.transposed, .gelu_pre = x.view, .y = dx.view}); });
  if (bench.wanted(grad))
    bench.line(grad, &dtype, flop, [&] {
      d.ops().gemm_grad({.dy = y.view, .x = x.view, .accumulate = true, .dw = dw.view, .db = bias.view});
    });
}

void cross_entropy(Bench& bench, DType dtype, int64_t m, int64_t v, int64_t k) {
  const std::string name = shape("linear_cross_entropy_grad", dtype, m, v, k);
  if (!bench.wanted(name)) return;
  Device& d = bench.device();
  Weights w(d, v, k, dtype);
  Matrix x(d, m, k, dtype, kScale), bias(d, 1, v, DType::kF32, kScale), dw(d, v, k, DType::kF32, kScale),
      db(d, 1, v, DType::kF32, kScale), loss(d, m, 1, DType::kF32, kScale), dx(d, m, k, DType::kF32, kScale);
  std::vector<int32_t> targets;
  for (int64_t i = 0; i < m; ++i) targets.push_back(static_cast<int32_t>(i * 97 % v));
  const Array<int32_t> device_targets(d, targets);
  bench.line(name, &dtype, 6e-9 * static_cast<double>(m * v * k), [&] {
    d.ops().linear_cross_entropy_grad({.x = x.view,
                                       .w = &w.w,
                                       .w_transposed = &w.transposed,
                                       .bias = bias.view,
                                       .targets = device_targets.span,
                                       .scale = 1e-3f,
                                       .accumulate = true,
                                       .loss = loss.view,
                                       .dx = dx.view,
                                       .dw = dw.view,
                                       .db = db.view});
  });
}

void pack(Bench& bench, DType dtype, int64_t n, int64_t k) {
  const std::string name = shape("pack", dtype, 1, n, k);
  if (!bench.wanted(name)) return;
  Weights w(bench.device(), n, k, dtype);
  bench.line(name, nullptr, 1e-9 * static_cast<double>(n * k * (4 + 2 * size_of(dtype))),
             [&] { w.pack(bench.device()); });
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench(argc > 1 ? std::atoi(argv[1]) : 0, argc > 2 ? argv[2] : "",
              argc > 3 && std::strcmp(argv[3], "cpu") == 0, argc > 4 ? argv[4] : "");
  const int64_t shapes[][2] = {{256, 256},  {1024, 256}, {256, 1024}, {512, 512}, {2048, 512},
                               {512, 2048}, {768, 768},  {3072, 768}, {768, 3072}};
  for (DType dtype : {DType::kBF16, DType::kF32}) {
    for (int64_t t : {1024, 4096}) {
      for (const auto& [n, k] : shapes) products(bench, dtype, t, n, k);
    }
    for (const auto& [v, k] : {std::pair<int64_t, int64_t>{8192, 256}, {16384, 512}, {50265, 768}}) {
      for (int64_t m : {300, 600}) cross_entropy(bench, dtype, m, v, k);
    }
    for (const auto& [n, k] : {std::pair<int64_t, int64_t>{768, 768}, {3072, 768}, {50265, 768}})
      pack(bench, dtype, n, k);
  }
  return 0;
}
