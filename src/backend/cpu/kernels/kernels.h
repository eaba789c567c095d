#pragma once
// The table of kernels of one instruction set. Each kernel does one thread's piece of work on raw pointers;
// cpu_ops.cc cuts operations into pieces. Kernel files include nothing from the standard library that could
// emit shared code, so code built with -mavx512f can never be picked by the linker for a caller on an older
// CPU.

#include <cstdint>

#include "backend/cpu/kernels/row_kernels.h"

namespace roberta::cpu {

/// What a GEMM does with its sums: add bias, apply the activation or multiply by gelu'(gelu_pre), add, store.
struct Epilogue {
  const float* bias = nullptr;  // [N] or null
  int activation = 0;           // 0 none, 1 GELU, 2 tanh
  void* pre = nullptr;          // [M, N] or null
  int64_t pre_stride = 0;
  bool pre_bf16 = false;
  const void* gelu_pre = nullptr;  // [M, N] or null
  int64_t gelu_pre_stride = 0;
  bool gelu_pre_bf16 = false;
  const float* add = nullptr;  // [M, N] or null; may be y
  int64_t add_stride = 0;
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
  Epilogue out;    // its matrices at row 0, column 0
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

/// Where the exponentials of the logits of a CrossEntropyBlock go; max_sum is then shift and sum.
struct CrossEntropyGradBlock {
  void* exps;  // [rows, whole panels], e^(logit - shift)
  int64_t exps_stride;
  bool exps_bf16;
  float* shifts;  // [rows, panels]
  int64_t shifts_stride;
  float* lane_sums;  // rows * panel floats
};

/// n rows and panels [panel_begin, panel_end) of columns of dw = dy^T x, over `steps` steps of both.
struct GemmGradBlock {
  const float* row_panels;  // of the first of these rows, by pack_row_panels(); row_panel_floats() apart
  int64_t part_floats;      // from the row panels of kGradSteps steps to those of the next
  const float* x_panels;    // by pack_panels(), all columns
  int64_t steps, n, k;
  int64_t panel_begin, panel_end;
  bool add;
  float* dw;  // at the first of these rows
  int64_t dw_stride;
  float* db;  // at the first of these rows; or null
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
  void (*cross_entropy_exps)(const CrossEntropyBlock&, const CrossEntropyGradBlock&);
  int64_t grad_rows;  // of x or dy in one step of gemm_grad
  /// Columns [0, columns) of rows [0, rows) for gemm_grad: x into panels, dy into row panels of tile_rows
  /// columns. Panels or row panels are `run_floats` apart; `runs` at the first row's step.
  void (*pack_panels)(const void* x, int64_t stride, int64_t rows, int64_t columns, int64_t run_floats,
                      float* runs);
  void (*pack_row_panels)(const void* dy, int64_t stride, int64_t rows, int64_t columns, int64_t run_floats,
                          float* runs);
  void (*gemm_grad)(const GemmGradBlock&);
  /// Rows [0, rows), rows <= panel, of an fp32 matrix [rows, k] into one panel.
  void (*pack_rows_f32)(const float* source, int64_t stride, int64_t rows, int64_t k, void* panel);
  /// Rows [row, row + rows) of an fp32 matrix [n, k] into its transpose's panels; row is a multiple of
  /// `panel`.
  void (*pack_columns_f32)(const float* source, int64_t stride, int64_t row, int64_t rows, int64_t n,
                           int64_t k, void* w_transposed);
};

struct Kernels {
  const char* name;
  int64_t panel;      // columns of a packed panel
  int64_t tile_rows;  // rows of a register tile
  MatrixKernels f32, bf16;
  void (*layer_norm)(const LayerNormRows&);
  void (*layer_norm_grad)(const LayerNormGradRows&);
  void (*dropout)(const DropoutBlock&);
  /// One row of exponentials into scale * (softmax - one at the target), in place; n columns.
  void (*cross_entropy_row_grad)(void* exps, bool bf16, float* shifts, int64_t n, float lse, float scale,
                                 int64_t target, float at_target);
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
/// Steps of t after which the sums of gemm_grad are added to dw: a panel of that depth is 64 KiB and a row
/// panel 24 KiB, so a row panel stays in the first-level cache and some panels in the second.
constexpr int64_t kGradSteps = 512;
/// From row panel to row panel: not a power of two, and room for reading a whole vector at the last step.
constexpr int64_t row_panel_floats(int64_t tile_rows) { return kGradSteps * tile_rows + 16; }
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
constexpr int64_t kGradRows = 132;
inline int64_t attention_grad_scratch_bytes(const Kernels& kernels, int64_t length, int64_t width) {
  const int64_t keys = whole_panels(kernels.panel, length), columns = whole_panels(kernels.panel, width);
  const int64_t operands = 2 * keys * (width + 1) + columns * (length + 1) + 2 * width * (kGradRows + 16);
  const int64_t sums = 2 * width * (keys + 16);
  const int64_t squares = 2 * kGradRows * keys + 3 * kernels.tile_rows * (keys + 16);
  return 4 * (operands + sums + squares) + keys / 4 + 2048;
}

extern const Kernels kKernelsAvx512Bf16, kKernelsAvx512, kKernelsAvx2, kKernelsPortable;

}  // namespace roberta::cpu
