// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/kernels/simd_avx2.h"

#include "backend/cpu/kernels/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsAvx2 = make_kernels("avx2");

}  // namespace roberta::cpu
