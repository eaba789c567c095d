#pragma once
// A model directory written anew: weights in another precision, without what training left beside them.

#include <filesystem>

#include "roberta/model.h"

namespace roberta {

/// Writes config.json (its dtype set), the weights as safetensors, the tokenizer's files, the model card and
/// the files of sentence-transformers, where they are there. All tensors of the source go along under their
/// names. `output` appears whole or not at all; it must not exist or be an empty directory. Error(kUsage) for
/// an `output` that is in use, Error(kModel) for the source, Error(kResource) when it can't be written.
void export_model(const std::filesystem::path& model, const std::filesystem::path& output,
                  Precision precision);

}  // namespace roberta
