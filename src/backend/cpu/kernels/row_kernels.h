#pragma once
// What the row by row and attention kernels of one instruction set are given: raw pointers at the first row
// (and the head's first column), strides in elements.

#include <cstdint>

namespace roberta::cpu {

/// roberta::Dropout for consecutive rows of one head.
struct Draws {
  uint32_t threshold = 0;          // draws below it are dropped; 0: none
  float factor = 1;                // of what is kept
  uint32_t key[2] = {}, site = 0;  // words of Philox
  uint32_t head = 0;
  const uint64_t* rows = nullptr;  // the first row's place
};

struct LayerNormRows {
  const float* x;
  int64_t x_stride;
  const float* residual;  // or null
  int64_t residual_stride;
  const float *gamma, *beta;
  float eps;
  Draws draws;
  int64_t rows, cols;
  float* y;
  int64_t y_stride;
  uint16_t* y_bf16;  // or null
  int64_t y_bf16_stride;
  float* sum;  // or null
  int64_t sum_stride;
  float* stats;  // [rows, 2] or null
  int64_t stats_stride;
};

struct LayerNormGradRows {
  const float* dy;
  int64_t dy_stride;
  const float* sum;
  int64_t sum_stride;
  const float* stats;
  int64_t stats_stride;
  const float* gamma;
  Draws draws;
  int64_t rows, cols;
  float *dgamma, *dbeta;  // [cols], out: of these rows alone
  float* dresidual;
  int64_t dresidual_stride;
  void* dx;  // or null
  int64_t dx_stride;
  bool dx_bf16;
};

struct DropoutBlock {
  const float* x;
  int64_t x_stride;
  Draws draws;
  int64_t rows, cols;
  float* y;
  int64_t y_stride;
  uint16_t* y_bf16;  // or null
  int64_t y_bf16_stride;
};

/// One block of query rows of one sequence and one head.
struct AttentionBlock {
  const void *q, *k, *v;  // k and v at the sequence's first row
  int64_t q_stride, k_stride, v_stride;
  int64_t q_rows, length, width;  // width: D
  float scale;
  Draws draws;
  void* y;
  int64_t y_stride;
  float* lse;  // or null
  int64_t lse_stride;
  void* scratch;  // attention_scratch_bytes(length, width)
};

/// One sequence and one head. All matrices are of one dtype.
struct AttentionGradBlock {
  const void *q, *k, *v, *y, *dy;
  int64_t q_stride, k_stride, v_stride, y_stride, dy_stride;
  int64_t q_rows, length, width;
  float scale;
  Draws draws;
  const float* lse;
  int64_t lse_stride;
  void *dq, *dk, *dv;
  int64_t dq_stride, dk_stride, dv_stride;
  void* scratch;  // attention_grad_scratch_bytes(length, width)
};

}  // namespace roberta::cpu
