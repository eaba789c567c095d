#pragma once
// Fine-tuning with one seed: from the start, or from where an earlier process ended, to a finished model.

#include <atomic>
#include <filesystem>

#include "api/finetune/card.h"
#include "api/finetune/setup.h"
#include "roberta/finetune.h"

namespace roberta {

struct SeedOutcome {
  StopReason end = StopReason::kFinished;
  FinetuneEvaluation best;  ///< without dev data the end of training, without metrics
  std::optional<FinetuneEvaluation> test;
  std::string headline;   ///< the metric that decides; "" without dev data
  std::string collapsed;  ///< the model gives this answer alone
  FinetuneCurve curve;    ///< on the first process
  int64_t step = 0;       ///< where it ended
  int64_t steps = 0;      ///< of the whole run
};

/// A collective. `minutes`: after which to stop and save; 0: never. `output` gets checkpoints and log, and
/// when training is done the model. Does not write its card: see write_card().
SeedOutcome finetune_seed(const FinetuneSetup& setup, uint64_t seed, const std::filesystem::path& output,
                          double minutes, const FinetuneCallbacks& callbacks, const std::atomic<bool>& stop);

/// README.md and metrics.json into a model's directory.
void write_card(const FinetuneSetup& setup, const std::filesystem::path& directory, const SeedOutcome& of,
                uint64_t seed, const FinetuneResult& result);

}  // namespace roberta
