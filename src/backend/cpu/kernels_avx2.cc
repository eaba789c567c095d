// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/simd_avx2.h"

#include "backend/cpu/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsAvx2 = make_kernels("avx2");

}  // namespace roberta::cpu
