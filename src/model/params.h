#pragma once
// The parameters of the encoder and the MLM head, as views into one block. Loaded by load.h.

#include <vector>

#include "device/ops.h"
#include "model/config.h"

namespace roberta {

struct LinearParams {
  Weight w;   // [N, K]
  View bias;  // [1, N] fp32
};
struct NormParams {
  View gamma, beta;  // [1, C] fp32
};

struct EmbeddingsParams {
  Weight word;    // [V, C]; the MLM head's decoder shares it when tied
  View position;  // [P, C] fp32
  View type;      // [type_vocab, C] fp32
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

}  // namespace roberta
