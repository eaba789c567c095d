// The kernels built for one instruction set; flags in CMakeLists.txt.

#include "backend/cpu/kernels/simd_avx512.h"

#include "backend/cpu/kernels/table-inl.h"

namespace roberta::cpu {

const Kernels kKernelsAvx512Bf16 = make_kernels("avx512_bf16");

}  // namespace roberta::cpu
