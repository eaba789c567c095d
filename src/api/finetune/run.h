#pragma once
// Fine-tuning with one seed: from the start, or from a checkpoint, to a finished model.

#include <atomic>
#include <filesystem>

#include "api/finetune/card.h"
#include "api/finetune/setup.h"
#include "roberta/finetune.h"

namespace roberta {

struct SeedOutcome {
  StopReason end = StopReason::kFinished;
  FinetuneEvaluation best;  ///< without validation data the end of training, without metrics
  std::optional<FinetuneEvaluation> test;
  std::string primary_metric;  ///< chooses the best model; "" without validation data
  std::string collapsed;       ///< the one prediction for all examples; "" if there are several
  FinetuneCurve curve;         ///< on the first process
  int64_t step = 0;            ///< where it ended
  int64_t steps = 0;           ///< of the whole run
};

/// A collective. `minutes`: time limit, after which the run is saved and stops; 0: none. `output` gets
/// checkpoints and log, and at the end of training the model, but not its model card: see write_model_card().
SeedOutcome finetune_seed(const FinetuneSetup& setup, uint64_t seed, const std::filesystem::path& output,
                          double minutes, const FinetuneCallbacks& callbacks, const std::atomic<bool>& stop);

/// Writes README.md and metrics.json into a model's directory.
void write_model_card(const FinetuneSetup& setup, const std::filesystem::path& directory,
                      const SeedOutcome& of, uint64_t seed, const FinetuneResult& result);

}  // namespace roberta
