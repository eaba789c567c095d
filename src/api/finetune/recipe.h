#pragma once
// The options of fine-tuning with every default filled in.

#include <cstdint>
#include <string>

#include "roberta/finetune.h"
#include "tasks/datasets/glue.h"
#include "tasks/traits.h"
#include "train/state.h"

namespace roberta {

enum class FinetuneMode : uint8_t { kFull, kFrozen, kLora };

struct FinetuneRecipe {
  const TaskTraits* traits = nullptr;  ///< these and the GLUE task live as long as the program
  const GlueTask* glue = nullptr;      ///< null for other tasks
  std::string task;                    ///< "rte", "text-classification", ...
  FinetuneMode mode = FinetuneMode::kFull;
  /// With all optionals, epochs, batch size and eval_steps set, except for dropout. max_steps may be 0.
  FinetuneOptions options;
  int64_t max_updates = 0;  ///< of fairseq's recipe, if neither epochs nor steps are given; else 0
  /// Validation files, the first of which chooses the best model; MNLI has two.
  std::vector<std::filesystem::path> dev;

  bool has_dev() const { return !dev.empty() || options.validation_fraction > 0; }
};

/// Error(kUsage) names an option with a wrong value, kInput a file that is not found.
FinetuneRecipe resolve_recipe(const FinetuneOptions& options);

/// Number of warmup updates in a run of `steps`.
int64_t warmup_of(const FinetuneRecipe& recipe, int64_t steps);

/// All options that affect the result. `data` and `model`: hashes of what was read.
OptionList run_fingerprint(const FinetuneRecipe& recipe, uint64_t seed, int64_t steps,
                           const std::string& data, const std::string& model);

}  // namespace roberta
