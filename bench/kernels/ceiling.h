#pragma once
// The most a thread can compute: loops of nothing but fused multiply-adds (fp32) or dot products (bf16) on
// registers.

#include <thread>
#include <vector>

namespace {

// Twelve independent sums hide a latency of 4 cycles at 2 to 3 instructions a cycle. Assembly, because a
// compiler would fold the loop; the values stay finite, as the multiplier is 1 - 2^-8 and the addend small.
#define ROBERTA_TWELVE(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define ROBERTA_STEP(n) ROBERTA_INSTRUCTION " %[b], %[a], %%" ROBERTA_REGISTER #n "\n\t"
#define ROBERTA_CLOBBER \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "cc"

typedef float Float8 __attribute__((vector_size(32), aligned(4)));
typedef float Float16 __attribute__((vector_size(64), aligned(4)));

#define ROBERTA_INSTRUCTION "vfmadd231ps"
#define ROBERTA_REGISTER "ymm"
__attribute__((target("avx2,fma"))) void fma_256(long steps) {
  const Float8 a = {0.99609375f}, b = {1e-6f};
  asm volatile("vzeroall" ::: ROBERTA_CLOBBER);
  for (long i = 0; i < steps; ++i)
    asm volatile(ROBERTA_TWELVE(ROBERTA_STEP)::[a] "x"(a), [b] "x"(b) : ROBERTA_CLOBBER);
}
#undef ROBERTA_REGISTER

#define ROBERTA_REGISTER "zmm"
__attribute__((target("avx512f"))) void fma_512(long steps) {
  const Float16 a = {0.99609375f}, b = {1e-6f};
  for (long i = 0; i < steps; ++i)
    asm volatile(ROBERTA_TWELVE(ROBERTA_STEP)::[a] "v"(a), [b] "v"(b) : ROBERTA_CLOBBER);
}
#undef ROBERTA_INSTRUCTION

#define ROBERTA_INSTRUCTION "vdpbf16ps"
__attribute__((target("avx512f,avx512bf16"))) void dot_bf16_512(long steps) {
  const Float16 a = {0.99609375f}, b = {1e-6f};
  for (long i = 0; i < steps; ++i)
    asm volatile(ROBERTA_TWELVE(ROBERTA_STEP)::[a] "v"(a), [b] "v"(b) : ROBERTA_CLOBBER);
}
#undef ROBERTA_INSTRUCTION
#undef ROBERTA_REGISTER

struct Loop {
  const char* name;
  void (*run)(long steps);
  int flop;     // of one instruction
  bool usable;  // on this CPU
};

/// One loop on each of `threads` threads at once.
void run_loop(const Loop& loop, int threads, long steps) {
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(loop.run, steps);
  loop.run(steps);
  for (std::thread& other : others) other.join();
}
double gflop(const Loop& loop, int threads, long steps) {
  return 1e-9 * 12 * loop.flop * static_cast<double>(steps) * threads;
}

/// Some 15 ms at 3 GHz and two instructions a cycle.
constexpr long kLoopSteps = 8'000'000;

std::vector<Loop> loops() {
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f");
  return {{"fp32_avx2", fma_256, 16, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
          {"fp32_avx512", fma_512, 32, avx512},
          {"bf16_avx512", dot_bf16_512, 64, avx512 && __builtin_cpu_supports("avx512bf16")}};
}

}  // namespace
