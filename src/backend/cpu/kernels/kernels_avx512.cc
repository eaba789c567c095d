// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/kernels/simd_avx512.h"

#include "backend/cpu/kernels/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsAvx512 = make_kernels("avx512");

}  // namespace roberta::cpu
