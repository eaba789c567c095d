#pragma once
// The contract between the model and a backend. Every operation works on packed tokens: hidden states are [T,
// C], one row a token, no padding anywhere. All operations are row by row except attention, which reads
// `starts`.
//
// Letters: T tokens, B sequences, C width, H heads, D head width, F inner width, V vocabulary, M rows, N
// outputs, K inputs. Arguments are plain structs; an empty view or span means "not wanted". Views are
// row-major with unit column stride. All memory is the device's (memory.h).
//
// Results: for one dtype a row's bits depend on that row alone (attention: on its sequence), never on the
// other rows of the batch nor on the number of threads. Sums over rows (gradients of parameters) run in a
// fixed order: their bits depend on the batch, never on the number of threads.
//
// Each operation with a gradient has it beside it: X and XGrad. `dy` is the gradient of the loss by y. "fp32"
// below is fp64 where `ref` is run in double precision, which only checks of gradients do.

#include <cmath>
#include <cstdint>

#include "device/memory.h"

namespace roberta {

enum class Activation : uint8_t { kNone, kGelu, kTanh };  // GELU is the exact one: x * Phi(x)

/// Which elements dropout keeps: a function of the element's place in the training data, never of its place
/// in the packed batch. Element `column` of a row is kept when draw(column) >= round(rate * 65536), and then
/// multiplied by 65536 / (65536 - round(rate * 65536)). draw(column) is 16 bits of Philox4x32-10 with the key
/// `key` and the counter {column / 8, position | head << 16, sample, site}: half column % 2 (low first) of
/// word column % 8 / 2. Only attention has heads, and there `column` is the key's place in its sequence and
/// `position` the query's.
struct Dropout {
  float rate = 0;                       // 0: none, and the rest is not read
  uint64_t key = 0;                     // of seed and step
  uint32_t site = 0;                    // layer and place in it
  DeviceSpan<const uint64_t> counters;  // [T]: sample << 32 | position in its sequence, from 0

  /// Draws below it are dropped; 0 .. 65536.
  uint32_t threshold() const { return static_cast<uint32_t>(std::lround(double{rate} * 65536)); }
};

/// y = act(x w^T + bias) + add, or, for a gradient, (x w^T) * gelu'(gelu_pre) + add. Sums in fp32.
/// The gradient by x is another Gemm, with the transposed weight.
struct Gemm {
  DeviceView x;     // [M, K] fp32 when w is fp32, bf16 when w is bf16
  const Weight* w;  // [N, K]
  DeviceView bias;  // [1, N] fp32, may be empty
  Activation act = Activation::kNone;
  DeviceView pre;       // [M, N] fp32 or bf16, out: value before the activation; may be empty
  DeviceView gelu_pre;  // [M, N] fp32 or bf16: multiplies by gelu'(gelu_pre); may be empty
  DeviceView add;       // [M, N] fp32, may be empty; may be y itself
  DeviceView y;         // [M, N] fp32 or bf16, out
};

/// dw = dy^T x, db = column sums of dy; added to what dw and db hold when `accumulate`.
struct GemmGrad {
  DeviceView dy;  // [M, N] of x's dtype
  DeviceView x;   // [M, K] fp32 or bf16; not read when dw is empty
  bool accumulate = false;
  DeviceView dw;  // [N, K] fp32, out; may be empty
  DeviceView db;  // [1, N] fp32, out; may be empty
};

/// y = dy * act'(pre). The activation on its own, where no Gemm can carry it.
struct ActivationGrad {
  DeviceView dy;   // [M, N] fp32
  DeviceView pre;  // [M, N] fp32 or bf16
  Activation act;
  DeviceView dx;  // [M, N] fp32 or bf16, out
};

/// y = word[id] + position[pos] + type[0].
struct Embed {
  DeviceSpan<const int32_t> ids;        // [T]
  DeviceSpan<const int32_t> positions;  // [T]
  const Weight* word;                   // [V, C]
  DeviceView position;                  // [P, C] fp32
  DeviceView type;                      // [type_vocab, C] fp32; row 0 is used
  DeviceView y;                         // [T, C] fp32, out
};

/// The gradient of Embed, added to the tables' gradients, each of which may be empty; rows of equal ids in
/// their order in the batch.
struct EmbedGrad {
  DeviceSpan<const int32_t> ids;        // [T]
  DeviceSpan<const int32_t> positions;  // [T]
  DeviceView dy;                        // [T, C] fp32
  DeviceView dword;                     // [V, C] fp32, in and out
  DeviceView dposition;                 // [P, C] fp32, in and out
  DeviceView dtype;                     // [type_vocab, C] fp32, in and out
  int32_t pad_id;                       // rows of dword and dposition that stay as they are; -1: none
};

/// y = LN(dropout(x) + residual) * gamma + beta; mean and variance in fp32 (two passes over the row).
struct LayerNorm {
  DeviceView x;            // [T, C] fp32
  DeviceView residual;     // [T, C] fp32, may be empty
  DeviceView gamma, beta;  // [1, C] fp32
  float eps;
  Dropout dropout;    // of x
  DeviceView y;       // [T, C] fp32, out; may be x itself
  DeviceView y_bf16;  // [T, C] bf16, out: the same rounded, for the next GEMM; may be empty
  DeviceView sum;  // [T, C] fp32, out: dropout(x) + residual, for the gradient; may be x itself; may be empty
  DeviceView stats;  // [T, 2] fp32, out: mean and 1 / sqrt(var + eps); may be empty
};

struct LayerNormGrad {
  DeviceView dy;             // [T, C] fp32
  DeviceView sum;            // [T, C] fp32, saved
  DeviceView stats;          // [T, 2] fp32, saved
  DeviceView gamma;          // [1, C] fp32
  Dropout dropout;           // as in the forward
  bool accumulate = false;   // add to dgamma and dbeta
  DeviceView dgamma, dbeta;  // [1, C] fp32, out; may be empty
  DeviceView dresidual;      // [T, C] fp32, out: by the sum; may be dy itself
  DeviceView dx;  // [T, C] fp32 or bf16, out: by x, through dropout; may be empty; in fp32 without dropout
                  // may be dresidual itself
};

/// y = dropout(x): alone where no LayerNorm follows. Its own gradient: dx = dropout(dy).
struct DropoutRows {
  DeviceView x;  // [T, C] fp32
  Dropout dropout;
  DeviceView y;       // [T, C] fp32, out; may be x itself
  DeviceView y_bf16;  // [T, C] bf16, out; may be empty
};

/// y = dropout(softmax(q k^T * scale)) v for each sequence and head. Never holds more than a few rows of
/// scores.
struct Attention {
  DeviceView q;                        // [Tq, C]; bf16 or fp32 as k and v
  DeviceView k, v;                     // [T, C]
  DeviceSpan<const int32_t> q_starts;  // [B + 1]: rows of q that belong to each sequence
  DeviceSpan<const int32_t> starts;    // [B + 1]: rows of k and v
  int64_t max_length;                  // of any sequence, in rows of k and v
  int64_t heads;
  float scale;
  Dropout dropout;  // of the probabilities; rows are those of q
  DeviceView y;     // [Tq, C] of q's dtype, out
  DeviceView lse;   // [Tq, H] fp32, out: log-sum-exp of each row's scaled scores; may be empty
};

struct AttentionGrad {
  DeviceView q, k, v;  // as in the forward
  DeviceSpan<const int32_t> q_starts, starts;
  int64_t max_length;
  int64_t heads;
  float scale;
  Dropout dropout;
  DeviceView y;       // [Tq, C], saved
  DeviceView lse;     // [Tq, H] fp32, saved
  DeviceView dy;      // [Tq, C] of q's dtype
  DeviceView dq;      // [Tq, C] of q's dtype, out
  DeviceView dk, dv;  // [T, C] of q's dtype, out
};

/// y[i] = x[rows[i]]; fp32 or bf16, the same in both.
struct GatherRows {
  DeviceView x;
  DeviceSpan<const int32_t> rows;
  DeviceView y;
};

/// y[rows[i]] += x[i]: the gradient of GatherRows. Rows are distinct.
struct ScatterRows {
  DeviceView x;                    // [n, C] fp32
  DeviceSpan<const int32_t> rows;  // [n]
  DeviceView y;                    // [T, C] fp32, in and out
};

/// loss[i] = -log softmax(x_i w^T + bias)[target_i]; never holds [M, V].
struct LinearCrossEntropy {
  DeviceView x;                       // [M, K]
  const Weight* w;                    // [V, K]
  DeviceView bias;                    // [1, V] fp32
  DeviceSpan<const int32_t> targets;  // [M]
  DeviceView loss;                    // [M, 1] fp32, out
};

/// Loss and all gradients at once, a few hundred rows at a time: never holds [M, V] for a whole large batch.
struct LinearCrossEntropyGrad {
  DeviceView x;                       // [M, K]
  const Weight* w;                    // [V, K]
  const Weight* w_transposed;         // [K, V]
  DeviceView bias;                    // [1, V] fp32
  DeviceSpan<const int32_t> targets;  // [M]
  float scale;                        // the gradients are those of scale * sum of loss
  bool accumulate = false;            // add to dw and db
  DeviceView loss;                    // [M, 1] fp32, out; not scaled
  DeviceView dx;                      // [M, K] fp32, out
  DeviceView dw;                      // [V, K] fp32, out; may be empty
  DeviceView db;                      // [1, V] fp32, out; may be empty
};

/// loss[i] = -sum_j q_ij log softmax(x_i)[j], where q_i is 1 at the target, or with smoothing e 1 - e there
/// and e / N added everywhere. For few columns (labels); LinearCrossEntropy is for a vocabulary.
struct CrossEntropy {
  DeviceView x;                       // [M, N] fp32
  DeviceSpan<const int32_t> targets;  // [M]; negative: the row has no loss and no gradient
  float smoothing = 0;
  float scale = 1;  // the gradient is that of scale * sum of loss
  DeviceView loss;  // [M, 1] fp32, out
  DeviceView dx;    // [M, N] fp32 or bf16, out; may be empty; in fp32 may be x itself
};

/// Cross entropy over the rows of each sequence, for each column by itself: where a span begins, where it
/// ends.
struct SegmentCrossEntropy {
  DeviceView x;                       // [T, K] fp32
  DeviceSpan<const int32_t> starts;   // [B + 1]
  DeviceSpan<const int32_t> targets;  // [B * K], sequence by sequence: row in the sequence; negative or
                                      // beyond its end: no loss and no gradient
  float scale = 1;                    // the gradient is that of scale * sum of loss
  DeviceView loss;                    // [B, K] fp32, out
  DeviceView dx;                      // [T, K] fp32 or bf16, out; may be empty; in fp32 may be x itself
};

enum class ElementLossKind : uint8_t {
  kSquared,  ///< (x - t)^2
  kBinary,   ///< -(t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), without overflow
};
/// loss[i] = sum over the columns of a loss of each element.
struct ElementLoss {
  DeviceView x;                     // [M, N] fp32
  DeviceSpan<const float> targets;  // [M * N], row by row
  ElementLossKind kind;
  float scale = 1;  // the gradient is that of scale * sum of loss
  DeviceView loss;  // [M, 1] fp32, out
  DeviceView dx;    // [M, N] fp32 or bf16, out; may be empty; in fp32 may be x itself
};

/// y = scale * x in y's dtype; scaled in fp32.
struct Cast {
  DeviceView x, y;
  float scale = 1;
};

/// The k largest of each row, largest first, of equals the one of the lower column; and what their softmax
/// over the whole row takes.
struct TopK {
  DeviceView x;                 // [M, N] fp32
  int64_t k;                    // 1 .. N
  DeviceSpan<int32_t> columns;  // [M * k], out
  DeviceSpan<float> values;     // [M * k], out
  DeviceSpan<double> exp_sums;  // [M], out: sum over the row of e^(x - its largest)
};

/// The sum of all elements in double, row by row in their order.
struct Sum {
  DeviceView x;            // fp32
  DeviceSpan<double> out;  // [1]
};

/// The sum of the squares in double, pieces of a fixed size added in order.
struct SumSquares {
  DeviceSpan<const float> x;
  DeviceSpan<double> out;  // [1]
};

/// Values of a matrix into the layouts of weights, rounded to their dtype.
struct PackWeight {
  DeviceView source;           // [N, K] fp32
  const Weight* w;             // [N, K]
  const Weight* w_transposed;  // [K, N]; may be null
};

/// One step of Adam over n parameters, all arrays fp32. With t steps done, this one included:
///   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,   g = gradient * grad_scale
///   p -= lr weight_decay p
///   fairseq:  p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps)
///   torch:    p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
struct AdamScalars {
  float step_size;   // lr * sqrt(1 - beta2^t) / (1 - beta1^t), or lr / (1 - beta1^t)
  float v_scale;     // 1, or 1 / (1 - beta2^t)
  float decay;       // lr * weight_decay
  float grad_scale;  // of clipping
};
struct Adam {
  DeviceSpan<float> p, m, v;  // [n], in and out
  DeviceSpan<const float> g;  // [n]
  double beta1, beta2;        // 1 - beta is taken in double: that of the float 0.999 is off by 1e-5
  float eps;
  DeviceSpan<const AdamScalars> scalars;  // [1]: what changes from step to step
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
  virtual void top_k(const TopK&) = 0;
  virtual void sum(const Sum&) = 0;
  virtual void cast(const Cast&) = 0;

  virtual void gemm_grad(const GemmGrad&) = 0;
  virtual void activation_grad(const ActivationGrad&) = 0;
  virtual void embed_grad(const EmbedGrad&) = 0;
  virtual void layer_norm_grad(const LayerNormGrad&) = 0;
  virtual void dropout(const DropoutRows&) = 0;
  virtual void attention_grad(const AttentionGrad&) = 0;
  virtual void scatter_rows(const ScatterRows&) = 0;
  virtual void linear_cross_entropy_grad(const LinearCrossEntropyGrad&) = 0;
  virtual void cross_entropy(const CrossEntropy&) = 0;
  virtual void segment_cross_entropy(const SegmentCrossEntropy&) = 0;
  virtual void element_loss(const ElementLoss&) = 0;
  virtual void pack(const PackWeight&) = 0;
  virtual void adam(const Adam&) = 0;
  virtual void sum_squares(const SumSquares&) = 0;

  /// Bytes of workspace (Device::reserve_workspace) that an operation takes while it runs. Reads shapes only.
  virtual size_t workspace(const Gemm&) const { return 0; }
  virtual size_t workspace(const Attention&) const { return 0; }
  virtual size_t workspace(const LinearCrossEntropy&) const { return 0; }
  virtual size_t workspace(const GemmGrad&) const { return 0; }
  virtual size_t workspace(const LayerNormGrad&) const { return 0; }
  virtual size_t workspace(const AttentionGrad&) const { return 0; }
  virtual size_t workspace(const LinearCrossEntropyGrad&) const { return 0; }
  virtual size_t workspace(const SumSquares&) const { return 0; }
};

}  // namespace roberta
