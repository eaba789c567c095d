#include "model/layers/embeddings.h"

namespace roberta {

void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params, const Batch& batch,
                std::span<const uint64_t> counters, const Hidden& y, EmbeddingsSaved* saved) {
  if (saved) {
    *saved = {pass.keep(y.fp32.rows, y.fp32.cols, pass.accum_dtype),
              pass.keep(y.fp32.rows, 2, pass.accum_dtype)};
  }
  const View sum = saved ? saved->sum : y.fp32;
  pass.ops.embed({.ids = batch.ids,
                  .positions = batch.positions,
                  .word = &params.word,
                  .position = params.position,
                  .type = params.type,
                  .y = sum});
  const Dropout dropout = hidden_dropout(pass, kEmbeddingsSite, counters);
  pass.ops.layer_norm({.x = sum,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.fp32,
                       .y_bf16 = dropout.rate > 0 ? View{} : y.bf16,
                       .stats = saved ? saved->stats : View{}});
  if (dropout.rate > 0) {
    pass.ops.dropout({.x = y.fp32, .dropout = dropout, .y = y.fp32, .y_bf16 = y.bf16});
  }
}

void embeddings_grad(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params,
                     const Batch& batch, std::span<const uint64_t> counters, const EmbeddingsSaved& saved,
                     const View& d, const EmbeddingsGrads& grads) {
  const Dropout dropout = hidden_dropout(pass, kEmbeddingsSite, counters);
  if (dropout.rate > 0) pass.ops.dropout({.x = d, .dropout = dropout, .y = d});
  pass.ops.layer_norm_grad({.dy = d,
                            .sum = saved.sum,
                            .stats = saved.stats,
                            .gamma = params.norm.gamma,
                            .accumulate = pass.accumulate(),
                            .dgamma = grads.norm.gamma,
                            .dbeta = grads.norm.beta,
                            .dresidual = d});
  pass.ops.embed_grad({.ids = batch.ids,
                       .positions = batch.positions,
                       .dy = d,
                       .dword = grads.word,
                       .dposition = grads.position,
                       .dtype = grads.type,
                       .pad_id = static_cast<int32_t>(config.pad_token_id)});
}

}  // namespace roberta
