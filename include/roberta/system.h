#pragma once
// What this machine offers to the library.
//
//     std::cout << roberta::cpu_kernels().selected << ", " << roberta::default_threads() << " threads\n";

#include <string>
#include <vector>

namespace roberta {

struct CpuKernels {
  std::string selected;                ///< "avx512_bf16", "avx512", "avx2" or "portable"
  std::vector<std::string> available;  ///< what this CPU can run, best first
};

/// The kernels of the cpu device: the best available, or what the environment variable ROBERTA_CPU names.
/// Error(kUsage) if it names kernels that this CPU can't run.
CpuKernels cpu_kernels();

/// Number of threads started by default: the CPUs that this process may run on, limited by a container's
/// quota.
int default_threads();

}  // namespace roberta
