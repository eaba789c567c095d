#include "model/layers/embeddings.h"

namespace roberta {

void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                const EmbeddingRows& rows, const Hidden& y, EmbeddingsSaved* saved) {
  if (saved) {
    *saved = {pass.keep(y.fp32.rows, y.fp32.cols, pass.accum_dtype),
              pass.keep(y.fp32.rows, 2, pass.accum_dtype)};
  }
  const DeviceView sum = saved ? saved->sum : y.fp32;
  pass.ops.embed({.ids = rows.ids,
                  .positions = rows.positions,
                  .word = &params.word,
                  .position = params.position,
                  .type = params.type,
                  .y = sum});
  const Dropout dropout = hidden_dropout(pass, kEmbeddingsSite, rows.counters);
  pass.ops.layer_norm({.x = sum,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.fp32,
                       .y_bf16 = dropout.rate > 0 ? DeviceView{} : y.bf16,
                       .stats = saved ? saved->stats : DeviceView{}});
  if (dropout.rate > 0) {
    pass.ops.dropout({.x = y.fp32, .dropout = dropout, .y = y.fp32, .y_bf16 = y.bf16});
  }
}

void embeddings_grad(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                     const EmbeddingRows& rows, const EmbeddingsSaved& saved, const DeviceView& d,
                     const EmbeddingsGrads& grads) {
  const Dropout dropout = hidden_dropout(pass, kEmbeddingsSite, rows.counters);
  if (dropout.rate > 0) pass.ops.dropout({.x = d, .dropout = dropout, .y = d});
  pass.ops.layer_norm_grad({.dy = d,
                            .sum = saved.sum,
                            .stats = saved.stats,
                            .gamma = params.norm.gamma,
                            .accumulate = pass.accumulate(),
                            .dgamma = grads.norm.gamma,
                            .dbeta = grads.norm.beta,
                            .dresidual = d});
  pass.ops.embed_grad({.ids = rows.ids,
                       .positions = rows.positions,
                       .dy = d,
                       .dword = grads.word,
                       .dposition = grads.position,
                       .dtype = grads.type,
                       .pad_id = static_cast<int32_t>(config.pad_token_id)});
}

}  // namespace roberta
