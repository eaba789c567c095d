// The row by row and attention operations of training through the device: `bench_rows [threads] [kernels]`
// (kernels "" = best). JSON lines; times are of the processor (all threads added up), the best of several, so
// that they mean something on a busy machine. GEMM of a middling shape stands beside attention as the measure
// of what the kernels can do.

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "bench/kernels/matrix.h"
#include "bench/machine.h"

namespace {

using namespace roberta;

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
/// Processor seconds of one call: the best of 15 measurements of at least 5 ms.
double best_of(const std::function<void()>& work) {
  work();
  double best = 1e9;
  for (int i = 0; i < 15; ++i) {
    const double start = cpu_seconds();
    int times = 0;
    do work(), ++times;
    while (cpu_seconds() - start < 5e-3);
    best = std::min(best, (cpu_seconds() - start) / times);
  }
  return best;
}

class Bench {
 public:
  Bench(int threads, const char* kernels) : device_(cpu::open_cpu_device(threads, kernels)) {}
  std::string describe() const { return device_->describe(); }

  void rows(int64_t t, int64_t c) {
    Matrix x(*device_, t, c), residual(*device_, t, c), y(*device_, t, c), sum(*device_, t, c),
        stats(*device_, t, 2), gamma(*device_, 1, c), beta(*device_, 1, c), dgamma(*device_, 1, c),
        dbeta(*device_, 1, c), low(*device_, t, c, DType::kBF16);
    std::vector<uint64_t> places;
    for (int64_t i = 0; i < t; ++i) places.push_back(static_cast<uint64_t>(i));
    const Array<uint64_t> counters(*device_, places);
    const double elements = static_cast<double>(t * c);
    for (float rate : {0.0f, 0.1f}) {
      const Dropout dropout{.rate = rate, .key = 1, .site = 2, .counters = counters.span};
      // Bytes: what must move once; a written line is read first.
      report("dropout", t, c, rate, 12 * elements,
             [&] { device_->ops().dropout({.x = x.view, .dropout = dropout, .y = y.view}); });
      report("layer_norm", t, c, rate, 28 * elements, [&] {
        device_->ops().layer_norm({.x = x.view,
                                   .residual = residual.view,
                                   .gamma = gamma.view,
                                   .beta = beta.view,
                                   .eps = 1e-5f,
                                   .dropout = dropout,
                                   .y = y.view,
                                   .y_bf16 = low.view,
                                   .sum = sum.view,
                                   .stats = stats.view});
      });
      report("layer_norm_grad", t, c, rate, 20 * elements, [&] {
        device_->ops().layer_norm_grad({.dy = x.view,
                                        .sum = sum.view,
                                        .stats = stats.view,
                                        .gamma = gamma.view,
                                        .dropout = dropout,
                                        .dgamma = dgamma.view,
                                        .dbeta = dbeta.view,
                                        .dresidual = residual.view,
                                        .dx = low.view});
      });
    }
  }

  void attention(DType dtype, int64_t sequences, int64_t length, int64_t heads, int64_t d) {
    const int64_t t = sequences * length, c = heads * d;
    Matrix qkv(*device_, t, 3 * c, dtype), dqkv(*device_, t, 3 * c, dtype), y(*device_, t, c, dtype),
        dy(*device_, t, c, dtype), lse(*device_, t, heads);
    std::vector<int32_t> starts{0};
    std::vector<uint64_t> places;
    for (int64_t s = 0; s < sequences; ++s) {
      starts.push_back(static_cast<int32_t>((s + 1) * length));
      for (int64_t i = 0; i < length; ++i) places.push_back(static_cast<uint64_t>(s << 32 | i));
    }
    const Array<uint64_t> counters(*device_, places);
    const Array<int32_t> device_starts(*device_, starts);
    const auto part = [&](const Matrix& m, int64_t i) { return m.view.columns(i * c, c); };
    const double product = 2.0 * static_cast<double>(t * length * c);  // of one of the products
    for (float rate : {0.0f, 0.1f}) {
      const Dropout dropout{.rate = rate, .key = 1, .site = 2, .counters = counters.span};
      const float scale = 1 / std::sqrt(static_cast<float>(d));
      const double forward = best_of([&] {
        device_->ops().attention({.q = part(qkv, 0),
                                  .k = part(qkv, 1),
                                  .v = part(qkv, 2),
                                  .q_starts = device_starts.span,
                                  .starts = device_starts.span,
                                  .max_length = length,
                                  .heads = heads,
                                  .scale = scale,
                                  .dropout = dropout,
                                  .y = y.view,
                                  .lse = lse.view});
      });
      const double backward = best_of([&] {
        device_->ops().attention_grad({.q = part(qkv, 0),
                                       .k = part(qkv, 1),
                                       .v = part(qkv, 2),
                                       .q_starts = device_starts.span,
                                       .starts = device_starts.span,
                                       .max_length = length,
                                       .heads = heads,
                                       .scale = scale,
                                       .dropout = dropout,
                                       .y = y.view,
                                       .lse = lse.view,
                                       .dy = dy.view,
                                       .dq = part(dqkv, 0),
                                       .dk = part(dqkv, 1),
                                       .dv = part(dqkv, 2)});
      });
      std::printf(
          "{\"op\": \"attention\", \"dtype\": \"%s\", \"sequences\": %ld, \"length\": %ld, \"heads\": %ld, "
          "\"width\": %ld, \"dropout\": %.1f, \"ms\": %.2f, \"gflops\": %.0f, \"grad_ms\": %.2f, "
          "\"grad_gflops\": %.0f, \"gemm_gflops\": %.0f}\n",
          name_of(dtype), static_cast<long>(sequences), static_cast<long>(length), static_cast<long>(heads),
          static_cast<long>(d), static_cast<double>(rate), forward * 1e3, 2 * product / forward * 1e-9,
          backward * 1e3, 5 * product / backward * 1e-9, gemm(dtype));
      std::fflush(stdout);
    }
  }

 private:
  void report(const char* op, int64_t t, int64_t c, float rate, double bytes,
              const std::function<void()>& work) {
    const double seconds = best_of(work);
    std::printf(
        "{\"op\": \"%s\", \"rows\": %ld, \"cols\": %ld, \"dropout\": %.1f, \"ms\": %.3f, "
        "\"ns_per_element\": %.3f, \"gb_per_s\": %.1f}\n",
        op, static_cast<long>(t), static_cast<long>(c), static_cast<double>(rate), seconds * 1e3,
        seconds * 1e9 / static_cast<double>(t * c), bytes / seconds * 1e-9);
    std::fflush(stdout);
  }
  /// GFLOP/s a thread of a product of 480 x 768 x 768.
  double gemm(DType dtype) {
    const int64_t m = 480, n = 768, k = 768;
    Matrix x(*device_, m, k, dtype), y(*device_, m, n, dtype), source(*device_, n, k);
    Buffer data = device_->allocate(device_->weight_bytes(n, k, dtype));
    const Weight w{data.data(), n, k, dtype};
    device_->ops().pack({.source = source.view, .w = &w, .w_transposed = nullptr});
    return 2e-9 * static_cast<double>(m * n * k) /
           best_of([&] { device_->ops().gemm({.x = x.view, .w = &w, .y = y.view}); });
  }

  std::unique_ptr<Device> device_;
};

}  // namespace

int main(int argc, char** argv) {
  Bench bench(argc > 1 ? std::atoi(argv[1]) : 1, argc > 2 ? argv[2] : "");
  std::printf("%s\n{\"device\": \"%s\"}\n", machine_facts().c_str(), bench.describe().c_str());
  for (const auto& [t, c] : {std::pair<int64_t, int64_t>{64, 768}, {4096, 256}, {4096, 768}})
    bench.rows(t, c);
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    bench.attention(dtype, 16, 128, 8, 32);
    bench.attention(dtype, 16, 128, 12, 64);
    bench.attention(dtype, 4, 512, 8, 32);
    bench.attention(dtype, 4, 512, 12, 64);
  }
  return 0;
}
