// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/simd_portable.h"

#include "backend/cpu/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsPortable = make_kernels("portable");

}  // namespace roberta::cpu
