#pragma once

#include <string>

namespace roberta {

/// Threads worth starting: the CPUs that this process may run on, fewer when a container's quota (cgroup
/// cpu.max) allows less time than that. More threads than that would wait for each other at every step.
int usable_cpus();

/// The instruction set that the environment variable ROBERTA_CPU limits kernels and scanners to (avx512_bf16,
/// avx512, avx2, portable); "": no limit. Read here only.
std::string requested_instruction_set();

}  // namespace roberta
