#include "backend/cpu/kernels/select.h"

#include "core/cpus.h"
#include "core/error.h"

namespace roberta::cpu {
namespace {

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> list;
#ifndef ROBERTA_PORTABLE_ONLY
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) list.push_back(&kKernelsAvx512Bf16);
  if (avx512) list.push_back(&kKernelsAvx512);
  if (avx2) list.push_back(&kKernelsAvx2);
#endif
  list.push_back(&kKernelsPortable);
  return list;
}

}  // namespace

std::vector<std::string> available_kernels() {
  std::vector<std::string> names;
  for (const Kernels* k : runnable()) names.push_back(k->name);
  return names;
}

const Kernels* find_kernels(const std::string& name) {
  for (const Kernels* k : runnable()) {
    if (name == k->name) return k;
  }
  return nullptr;
}

const Kernels& selected_kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    const std::string requested = requested_instruction_set();
    if (requested.empty()) return *runnable().front();
    if (const Kernels* k = find_kernels(requested)) return *k;
    std::string names;
    for (const std::string& n : available_kernels()) names += (names.empty() ? "" : ", ") + n;
    fail(ErrorCode::kUsage, "[cpu] ROBERTA_CPU=", requested, " is not supported; this CPU has ", names);
  }();
  return chosen;
}

}  // namespace roberta::cpu
