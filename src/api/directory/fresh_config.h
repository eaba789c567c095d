#pragma once
// The configuration of an untrained model from its sizes.

#include "model/config.h"
#include "roberta/init.h"

namespace roberta {

/// `tokenizer`, which may be null, gives the ids of special tokens, and the size of the vocabulary if `sizes`
/// leave it open. Weights are fp32. Error(kUsage) for sizes that contradict one another.
RobertaConfig fresh_config(const ModelSizes& sizes, const Tokenizer* tokenizer);

}  // namespace roberta
