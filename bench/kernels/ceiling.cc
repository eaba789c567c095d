// The most this machine can compute: `bench_ceiling [threads]`. Loops of nothing but fused multiply-adds
// (fp32) or dot products (bf16) on registers, in every thread at once. Prints machine facts and GFLOP/s as
// JSON lines; the rate of a forward pass over the line of its instructions is its fraction of peak.

#include "bench/kernels/ceiling.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/machine.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const int threads = argc > 1 && std::atoi(argv[1]) > 0
                          ? std::atoi(argv[1])
                          : static_cast<int>(std::thread::hardware_concurrency());
  std::printf("%s\n", machine_facts().c_str());
  const auto measure = [&](const Loop& loop) {
    const auto start = Clock::now();
    run_loop(loop, threads, kLoopSteps);
    return gflop(loop, threads, kLoopSteps) / std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (const Loop& loop : loops()) {
    if (!loop.usable) continue;
    std::vector<double> rates;
    measure(loop);
    for (int i = 0; i < 11; ++i) rates.push_back(measure(loop));
    std::sort(rates.begin(), rates.end());
    std::printf(
        "{\"ceiling\": \"%s\", \"threads\": %d, \"gflops\": {\"min\": %.1f, \"median\": %.1f, \"max\": "
        "%.1f}}\n",
        loop.name, threads, rates.front(), rates[5], rates.back());
  }
  return 0;
}
