#include "model/embeddings.h"

namespace roberta {

void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params, const Batch& batch,
                const Hidden& y) {
  pass.ops.embed({.ids = batch.ids,
                  .positions = batch.positions,
                  .word = &params.word,
                  .position = params.position,
                  .type = params.type,
                  .y = y.full});
  pass.ops.layer_norm({.x = y.full,
                       .gamma = params.norm.gamma,
                       .beta = params.norm.beta,
                       .eps = static_cast<float>(config.layer_norm_eps),
                       .y = y.full,
                       .y_low = y.low});
}

}  // namespace roberta
