// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/kernels/simd_portable.h"

#include "backend/cpu/kernels/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsPortable = make_kernels("portable");

}  // namespace roberta::cpu
