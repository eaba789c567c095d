#pragma once
// All kernels of one instruction set and their table. Include after one simd_*.h; each *-inl.h builds on the
// ones before.

#include "backend/cpu/math-inl.h"

#include "backend/cpu/gemm-inl.h"

#include "backend/cpu/dropout-inl.h"

#include "backend/cpu/attention-inl.h"
#include "backend/cpu/attention_grad-inl.h"
#include "backend/cpu/elements-inl.h"
#include "backend/cpu/rows-inl.h"

namespace {

constexpr roberta::cpu::Kernels make_kernels(const char* name) {
  return {.name = name,
          .panel = kPanel,
          .tile_rows = kTileRows,
          .f32 = {gemm<Fp32>, attention<Fp32>, attention_grad<Fp32>, cross_entropy<Fp32>, pack_panel_of<Fp32>,
                  read_row_f32},
          .bf16 = {gemm<Bf16>, attention<Bf16>, attention_grad<Bf16>, cross_entropy<Bf16>,
                   pack_panel_of<Bf16>, read_row_bf16},
          .layer_norm = layer_norm,
          .layer_norm_grad = layer_norm_grad,
          .dropout = dropout,
          .add = add,
          .to_bf16 = to_bf16_row,
          .from_bf16 = from_bf16_row,
          .activation_grad = activation_grad,
          .adam = adam,
          .sum_squares = sum_squares};
}

}  // namespace
