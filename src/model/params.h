#pragma once
// The parameters of the encoder and its heads, as views into one block (loaded by load.h, or made by
// training), and the structs of their gradients. Gradients are dense fp32 matrices in the layout of the
// files.

#include <vector>

#include "device/ops.h"
#include "model/config.h"

namespace roberta {

struct LinearParams {
  Weight w;           // [N, K]
  DeviceView bias;    // [1, N] fp32
  Weight transposed;  // [K, N]: what gradients multiply; only in training
};
struct NormParams {
  DeviceView gamma, beta;  // [1, C] fp32
};

struct EmbeddingsParams {
  Weight word;          // [V, C]; the MLM head's decoder shares it when tied, its transpose too
  DeviceView position;  // [P, C] fp32
  DeviceView type;      // [type_vocab, C] fp32
  NormParams norm;
};
struct AttentionParams {
  LinearParams query;  // [C, C]
  LinearParams
      key_value;  // [2C, C]: keys first. Apart from the query, for the last layer may want few rows of it.
  LinearParams output;  // [C, C]
  NormParams norm;
};
struct FeedForwardParams {
  LinearParams up;    // [F, C]
  LinearParams down;  // [C, F]
  NormParams norm;
};
struct LayerParams {
  AttentionParams attention;
  FeedForwardParams feed_forward;
};
struct EncoderParams {
  EmbeddingsParams embeddings;
  std::vector<LayerParams> layers;
};
struct MlmHeadParams {
  LinearParams dense;  // [C, C]
  NormParams norm;
  LinearParams decoder;  // [V, C]; w is the word embedding when tied
};

/// Heads of sequence classification (dense, out), token classification and question answering (out alone).
struct ClassifierParams {
  LinearParams dense;  // [C, C], or empty
  LinearParams out;    // [N, C], N labels
};

/// Empty views of gradients: that parameter isn't trained, and its gradient isn't computed.
struct LinearGrads {
  DeviceView w;     // [N, K], or rows [first, first + w.rows) of it (LoRA on the values of key_value)
  DeviceView bias;  // [1, N]
  int64_t first = 0;
};
struct EmbeddingsGrads {
  DeviceView word, position, type;  // as EmbeddingsParams
  NormParams norm;
};
struct AttentionGrads {
  LinearGrads query, key_value, output;
  NormParams norm;
};
struct FeedForwardGrads {
  LinearGrads up, down;
  NormParams norm;
};
struct LayerGrads {
  AttentionGrads attention;
  FeedForwardGrads feed_forward;
};
struct EncoderGrads {
  EmbeddingsGrads embeddings;
  std::vector<LayerGrads> layers;
};
struct ClassifierGrads {
  LinearGrads dense, out;
};
struct MlmHeadGrads {
  LinearGrads dense;
  NormParams norm;
  LinearGrads decoder;  // w is the word embedding's when tied
};

}  // namespace roberta
