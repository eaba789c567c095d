#pragma once
// What stands behind a Model, for the rest of this room.

#include <filesystem>
#include <optional>

#include "infer/engine.h"
#include "roberta/model.h"

namespace roberta {

struct Model::Impl {
  Engine engine;
  std::optional<Tokenizer> tokenizer;
  std::filesystem::path directory;
  ModelInfo info;
  LoadReport report;
};

/// Whether there is a tokenizer.json or vocab.json.
bool has_tokenizer_files(const std::filesystem::path& directory);

/// Parameters of a model with these tensors (the report's `found`); tied ones counted once.
int64_t count_parameters(const RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint,
                         const LoadReport& report);

/// Error(kModel) "[part] DIR: is a token-classification model: use `roberta tag`" unless the model is for
/// that task (ModelInfo::task).
void require_task(Model& model, const char* task, const char* part);

}  // namespace roberta
