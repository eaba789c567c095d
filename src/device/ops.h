#pragma once
// The contract between the model and a backend. Every operation works on packed tokens: hidden states are [T,
// C], one row a token, no padding anywhere. All operations are row by row except attention, which reads
// `starts`.
//
// Letters: T tokens, B sequences, C width, H heads, D head width, F inner width, V vocabulary, M rows, N
// outputs, K inputs. Arguments are plain structs; an empty View means "not wanted". Views are row-major with
// unit column stride.
//
// Results: for one dtype a row's bits depend on that row alone (attention: on its sequence), never on the
// other rows of the batch nor on the number of threads.

#include <cstdint>
#include <span>

#include "core/dtype.h"

namespace roberta {

/// A matrix of parameters [N, K] in the backend's own layout, which serves GEMM and row gathers alike.
/// Borrows.
struct Weight {
  void* data = nullptr;
  int64_t rows = 0, cols = 0;
  DType dtype = DType::kF32;
  explicit operator bool() const { return data != nullptr; }
};

enum class Activation : uint8_t { kNone, kGelu, kTanh };  // GELU is the exact one: x * Phi(x)

/// y = act(x w^T + bias). Sums in fp32.
struct Gemm {
  View x;           // [M, K] fp32 when w is fp32, bf16 when w is bf16
  const Weight* w;  // [N, K]
  View bias;        // [1, N] fp32, may be empty
  Activation act = Activation::kNone;
  View pre;  // [M, N] fp32 or bf16, out: value before the activation; may be empty
  View y;    // [M, N] fp32 or bf16, out
};

/// y = word[id] + position[pos] + type[0].
struct Embed {
  std::span<const int32_t> ids;        // [T]
  std::span<const int32_t> positions;  // [T]
  const Weight* word;                  // [V, C]
  View position;                       // [P, C] fp32
  View type;                           // [type_vocab, C] fp32; row 0 is used
  View y;                              // [T, C] fp32, out
};

/// y = LN(x + residual) * gamma + beta; mean and variance in fp32 (two passes over the row).
struct LayerNorm {
  View x;            // [T, C] fp32
  View residual;     // [T, C] fp32, may be empty
  View gamma, beta;  // [1, C] fp32
  float eps;
  View y;      // [T, C] fp32, out; may be x itself
  View y_low;  // [T, C] bf16, out: the same rounded, for the next GEMM; may be empty
  View stats;  // [T, 2] fp32, out: mean and 1 / sqrt(var + eps); may be empty
};

/// y = softmax(q k^T * scale) v for each sequence and head. Never holds more than a few rows of scores.
struct Attention {
  View q;                             // [Tq, C]; bf16 or fp32 as k and v
  View k, v;                          // [T, C]
  std::span<const int32_t> q_starts;  // [B + 1]: rows of q that belong to each sequence
  std::span<const int32_t> starts;    // [B + 1]: rows of k and v
  int64_t heads;
  float scale;
  View y;    // [Tq, C] of q's dtype, out
  View lse;  // [Tq, H] fp32, out: log-sum-exp of each row's scaled scores; may be empty
};

/// y[i] = x[rows[i]]; fp32 or bf16, the same in both.
struct GatherRows {
  View x;
  std::span<const int32_t> rows;
  View y;
};

/// loss[i] = -log softmax(x_i w^T + bias)[target_i]; never holds [M, V].
struct LinearCrossEntropy {
  View x;                            // [M, K]
  const Weight* w;                   // [V, K]
  View bias;                         // [1, V] fp32
  std::span<const int32_t> targets;  // [M]
  View loss;                         // [M, 1] fp32, out
};

/// y = x in y's dtype.
struct Cast {
  View x, y;
};

class Ops {
 public:
  virtual ~Ops() = default;
  virtual void gemm(const Gemm&) = 0;
  virtual void embed(const Embed&) = 0;
  virtual void layer_norm(const LayerNorm&) = 0;
  virtual void attention(const Attention&) = 0;
  virtual void gather_rows(const GatherRows&) = 0;
  virtual void linear_cross_entropy(const LinearCrossEntropy&) = 0;
  virtual void cast(const Cast&) = 0;
};

}  // namespace roberta
