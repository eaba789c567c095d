#pragma once
// What is behind a Model, for the rest of the library.

#include <filesystem>
#include <memory>
#include <optional>

#include "infer/batcher.h"
#include "infer/engine.h"
#include "roberta/model.h"

namespace roberta {

/// The content of a directory; shared by the Models that a SharedModel opens.
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
};

struct ModelAccess {
  static const std::shared_ptr<LoadedModel>& loaded(const Model& model) { return model.impl_->loaded; }
  /// For evaluations, which have a Model of their own; not for one that a SharedModel opened.
  static Engine& engine(Model& model) { return model.impl_->loaded->engine; }
};

/// The tokenizer, or Error(kModel).
const Tokenizer& tokenizer_of(const LoadedModel& model);

/// Number of parameters of a model with these tensors (`found` of the report); tied ones count once.
int64_t count_parameters(const RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint,
                         const LoadReport& report);

/// Error(kModel) "[part] DIR: is a token-classification model (...): use `roberta tag`" unless the model is
/// for that task (ModelInfo::task).
void require_task(const Model& model, const char* task, const char* part);

}  // namespace roberta
