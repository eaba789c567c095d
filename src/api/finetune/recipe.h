#pragma once
// The options of fine-tuning with every default filled in.

#include <cstdint>
#include <string>

#include "roberta/finetune.h"
#include "tasks/datasets/glue.h"
#include "train/state.h"

namespace roberta {

enum class FinetuneKind : uint8_t { kText, kTokens, kSpans };

struct FinetuneRecipe {
  FinetuneKind kind = FinetuneKind::kText;
  const GlueTask* glue = nullptr;  ///< of a GLUE task; lives as long as the program
  std::string task;                ///< "rte", "text-classification", ...
  /// With all optionals, schedule, optimizer, epochs, batch and eval_steps set. max_steps: 0 unless asked
  /// for.
  FinetuneOptions options;
  int64_t most_updates = 0;  ///< of fairseq's recipe, where neither epochs nor steps are asked for; else 0
  /// Files of dev sets, the first of which decides; MNLI has two.
  std::vector<std::filesystem::path> dev;

  bool has_dev() const { return !dev.empty() || options.dev_share > 0; }
};

/// Error(kUsage) names an option that can't be, kInput a file that isn't there.
FinetuneRecipe resolve_recipe(const FinetuneOptions& options);

/// Updates of warmup in a run of that many.
int64_t warmup_of(const FinetuneRecipe& recipe, int64_t steps);

/// All that decides the numbers of a run, by the names of the program's options. `data` and `model` name what
/// was read: hashes of the files.
OptionList deciding_options(const FinetuneRecipe& recipe, uint64_t seed, int64_t steps,
                            const std::string& data, const std::string& model);

inline DType matrix_dtype(const FinetuneRecipe& recipe) {
  return recipe.options.precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
}

}  // namespace roberta
