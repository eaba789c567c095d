#pragma once
// All kernels of one instruction set and their table. Include after one simd_*.h; each *-inl.h builds on the
// ones before.

#include "backend/cpu/kernels/math-inl.h"

#include "backend/cpu/kernels/gemm-inl.h"

#include "backend/cpu/kernels/pack-inl.h"

#include "backend/cpu/kernels/cross_entropy-inl.h"
#include "backend/cpu/kernels/dropout-inl.h"
#include "backend/cpu/kernels/gemm_grad-inl.h"

#include "backend/cpu/kernels/transpose-inl.h"

#include "backend/cpu/kernels/attention-inl.h"
#include "backend/cpu/kernels/attention_grad-inl.h"
#include "backend/cpu/kernels/elements-inl.h"
#include "backend/cpu/kernels/rows-inl.h"

namespace {

template <class S, class Units, class Steps>
constexpr roberta::cpu::MatrixKernels make_matrix_kernels(void (*read_row)(const void*, int64_t, int64_t,
                                                                           float*)) {
  return {.gemm = gemm<S>,
          .attention = attention<S>,
          .attention_grad = attention_grad<S>,
          .cross_entropy = cross_entropy<S>,
          .pack_panel = pack_panel_of<S>,
          .read_row = read_row,
          .cross_entropy_exps = cross_entropy_exps<S>,
          .grad_rows = Steps::kRows,
          .pack_panels = pack_runs<Steps, kPanel>,
          .pack_row_panels = pack_runs<Steps, kTileRows>,
          .gemm_grad = gemm_grad<Steps>,
          .pack_rows_f32 = pack_rows_f32<Units>,
          .pack_columns_f32 = pack_columns_f32<Units>};
}

constexpr roberta::cpu::Kernels make_kernels(const char* name) {
  return {.name = name,
          .panel = kPanel,
          .tile_rows = kTileRows,
          .f32 = make_matrix_kernels<Fp32, Fp32Units, RowSteps<float>>(read_row_f32),
          .bf16 = make_matrix_kernels<Bf16, Bf16Units, Bf16Steps>(read_row_bf16),
          .layer_norm = layer_norm,
          .layer_norm_grad = layer_norm_grad,
          .dropout = dropout,
          .cross_entropy_row_grad = cross_entropy_row_grad,
          .add = add,
          .to_bf16 = to_bf16_row,
          .from_bf16 = from_bf16_row,
          .activation_grad = activation_grad,
          .adam = adam,
          .sum_squares = sum_squares};
}

}  // namespace
