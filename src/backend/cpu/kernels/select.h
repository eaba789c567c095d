#pragma once
// Which kernels this process uses: the best that the CPU has, or what ROBERTA_CPU says (avx512_bf16 | avx512
// | avx2 | portable), read once. Error(kUsage) for another word, or for one that the CPU lacks.

#include <string>
#include <vector>

#include "backend/cpu/kernels/kernels.h"

namespace roberta::cpu {

const Kernels& selected_kernels();
/// Names that this CPU can run, best first.
std::vector<std::string> available_kernels();
/// By name; nullptr when unknown or not runnable here.
const Kernels* find_kernels(const std::string& name);

}  // namespace roberta::cpu
