#pragma once
// The table of kernels of one instruction set. Each kernel does one thread's piece of work on raw pointers;
// cpu_ops.cc cuts operations into pieces. Kernel files include nothing from the standard library that could
// emit shared code, so code built with -mavx512f can never be picked by the linker for a caller on an older
// CPU.

#include <cstdint>

#include "backend/cpu/row_kernels.h"

namespace roberta::cpu {

/// What a GEMM does with its sums: add bias, apply the activation, store.
struct Epilogue {
  const float* bias = nullptr;  // [N] or null
  int activation = 0;           // 0 none, 1 GELU, 2 tanh
  void* pre = nullptr;          // [M, N] or null
  int64_t pre_stride = 0;
  bool pre_bf16 = false;
  void* y = nullptr;  // [M, N]
  int64_t y_stride = 0;
  bool y_bf16 = false;
};

/// Rows [0, rows) of x times panels [panel_begin, panel_end) of w.
struct GemmBlock {
  const void* x;  // [rows, K]
  int64_t x_stride;
  int64_t rows;
  const void* w;  // packed [N, K]
  int64_t n, k;
  int64_t panel_begin, panel_end;
  Epilogue out;    // y, pre: at row 0, column 0
  float* scratch;  // rows * panels of the block * panel floats when K is split, else unused
};

/// Partial log-sum-exp of `rows` rows over panels [panel_begin, panel_end): max and sum of exp(logit - max),
/// and the target's logit where the target lies in these panels.
struct CrossEntropyBlock {
  const void* x;
  int64_t x_stride;
  int64_t rows;
  const void* w;
  const float* bias;
  int64_t n, k;
  int64_t panel_begin, panel_end;
  const int32_t* targets;  // [rows]
  float* max_sum;          // [rows] pairs, stride max_sum_stride floats
  int64_t max_sum_stride;
  float* target_logit;  // [rows]
  float* scratch;       // tile_rows * panel floats
};

struct ActivationGradRows {
  const float* dy;
  int64_t dy_stride;
  const void* pre;
  int64_t pre_stride;
  bool pre_bf16;
  int activation;  // as in Epilogue
  int64_t rows, cols;
  void* dx;
  int64_t dx_stride;
  bool dx_bf16;
};

/// roberta::Adam with its factors in the type of the sums.
struct AdamPiece {
  float *p, *m, *v;
  const float* g;
  int64_t n;
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float eps, step_size, v_scale, decay, grad_scale;
};

/// Two sets: one for fp32 matrices, one for bf16.
struct MatrixKernels {
  void (*gemm)(const GemmBlock&);
  void (*attention)(const AttentionBlock&);
  void (*attention_grad)(const AttentionGradBlock&);
  void (*cross_entropy)(const CrossEntropyBlock&);
  /// Packs rows [0, rows), rows <= panel, of source [rows, k] of the same element type into one panel.
  void (*pack_panel)(const void* source, int64_t stride, int64_t rows, int64_t k, void* panel);
  /// One row of a packed matrix as fp32: out[k].
  void (*read_row)(const void* w, int64_t row, int64_t k, float* out);
};

struct Kernels {
  const char* name;
  int64_t panel;      // columns of a packed panel
  int64_t tile_rows;  // rows of a register tile
  MatrixKernels f32, bf16;
  void (*layer_norm)(const LayerNormRows&);
  void (*layer_norm_grad)(const LayerNormGradRows&);
  void (*dropout)(const DropoutBlock&);
  void (*add)(float* y, const float* x, int64_t n);  // y += x
  void (*to_bf16)(const float* x, uint16_t* y, int64_t n);
  void (*from_bf16)(const uint16_t* x, float* y, int64_t n);
  void (*activation_grad)(const ActivationGradRows&);
  void (*adam)(const AdamPiece&);
  double (*sum_squares)(const float* x, int64_t n);
};

/// K is cut into equal parts of at most this many bytes a row, so that a block of x stays in the second-level
/// cache.
constexpr int64_t kSplitBytes = 4096;
inline int64_t k_part(int64_t k, int64_t element_bytes) {
  const int64_t limit = kSplitBytes / element_bytes;
  if (k <= limit) return k;
  const int64_t parts = (k + limit - 1) / limit;
  return ((k + parts - 1) / parts + 15) / 16 * 16;
}
/// Bytes of one packed panel; K is padded to a pair.
inline int64_t panel_bytes(int64_t panel, int64_t k, int64_t element_bytes) {
  return (element_bytes == 2 ? (k + 1) / 2 * 2 : k) * panel * element_bytes;
}
inline int64_t whole_panels(int64_t panel, int64_t n) { return (n + panel - 1) / panel * panel; }
inline int64_t attention_scratch_bytes(const Kernels& kernels, int64_t length, int64_t width) {
  const int64_t keys = whole_panels(kernels.panel, length), columns = whole_panels(kernels.panel, width);
  return 4 * (keys * (width + 1) + columns * (length + 1) + kernels.tile_rows * (keys + keys / 2 + 64)) +
         keys / 8 + 1024;
}
/// Query rows whose probabilities are held at a time: whole tiles of every kernel set. Enough of them that
/// the sums over queries are seldom put aside, few enough that their probabilities and the gradients by them,
/// for 512 keys, stay in the second-level cache.
constexpr int64_t kGradRows = 96;
inline int64_t attention_grad_scratch_bytes(const Kernels& kernels, int64_t length, int64_t width) {
  const int64_t keys = whole_panels(kernels.panel, length), columns = whole_panels(kernels.panel, width);
  const int64_t operands = 2 * keys * (width + 1) + columns * (length + 1) + 2 * width * (kGradRows + 16);
  const int64_t sums = 2 * width * (keys + 16);
  const int64_t squares = 2 * kGradRows * keys + 3 * kernels.tile_rows * (keys + 16);
  return 4 * (operands + sums + squares) + keys / 4 + 2048;
}

extern const Kernels kKernelsAvx512Bf16, kKernelsAvx512, kKernelsAvx2, kKernelsPortable;

}  // namespace roberta::cpu
