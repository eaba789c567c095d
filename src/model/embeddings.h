#pragma once
#include "model/batch.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// y = LN(word[id] + position[pos] + type[0]).
void embeddings(Pass& pass, const RobertaConfig& config, const EmbeddingsParams& params, const Batch& batch,
                const Hidden& y);

}  // namespace roberta
