#pragma once
// What stands behind a Model, for the rest of this room.

#include <filesystem>
#include <memory>
#include <optional>

#include "infer/batcher.h"
#include "infer/engine.h"
#include "roberta/model.h"

namespace roberta {

/// What a directory held; shared by the Models that a SharedModel opens.
struct LoadedModel {
  Engine engine;
  std::optional<Tokenizer> tokenizer;
  std::filesystem::path directory;
  ModelInfo info;
  LoadReport report;
};

struct Model::Impl {
  std::shared_ptr<LoadedModel> loaded;
  std::optional<BatchedForward> batched;  ///< of a Model that a SharedModel opened

  Forward& forward() {
    if (batched) return *batched;
    return loaded->engine;
  }
  /// Of evaluations, which have a Model for themselves; never of an opened one.
  Engine& engine() { return loaded->engine; }
};

/// The tokenizer, or Error(kModel).
const Tokenizer& tokenizer_of(const LoadedModel& model);

/// Parameters of a model with these tensors (the report's `found`); tied ones counted once.
int64_t count_parameters(const RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint,
                         const LoadReport& report);

/// Error(kModel) "[part] DIR: is a token-classification model: use `roberta tag`" unless the model is for
/// that task (ModelInfo::task).
void require_task(Model& model, const char* task, const char* part);

}  // namespace roberta
