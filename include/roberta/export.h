#pragma once
// Writes a model directory in another precision, without the files of its training.
//
//     roberta::export_model("run/checkpoint-10000", "my-model-bf16", roberta::Precision::kBF16);

#include <filesystem>

#include "roberta/model.h"

namespace roberta {

/// Writes config.json (its dtype set), the weights as safetensors, the tokenizer's files, the model card and
/// the files of sentence-transformers, if there are any. All tensors of the source are written under their
/// names. `output` appears whole or not at all; it must not exist or be an empty directory. Error(kUsage) for
/// an `output` that is in use, Error(kModel) for the source, Error(kResource) when it can't be written.
void export_model(const std::filesystem::path& model, const std::filesystem::path& output,
                  Precision precision);

}  // namespace roberta
