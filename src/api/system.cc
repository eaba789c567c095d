#include "roberta/system.h"

#include "core/cpus.h"
#include "runtime/open_device.h"

namespace roberta {

CpuKernels cpu_kernels() { return {selected_cpu_kernels(), available_cpu_kernels()}; }

int default_threads() { return usable_cpus(); }

}  // namespace roberta
