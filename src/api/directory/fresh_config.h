#pragma once
// The configuration of an untrained model from the sizes that were asked for.

#include "model/config.h"
#include "roberta/init.h"

namespace roberta {

/// `tokenizer`, which may be null, gives the ids of special tokens and the vocabulary's size where none is
/// asked for. Error(kUsage) for sizes that don't go together.
RobertaConfig fresh_config(const InitOptions& options, const Tokenizer* tokenizer);

}  // namespace roberta
