#pragma once
// The evaluations of a fine-tuning run: the metric that chooses the best model, and whether the run
// collapsed.

#include <string>

#include "api/evaluate/task_evaluation.h"
#include "api/finetune/data.h"
#include "roberta/finetune.h"

namespace roberta {

/// A metric by its name, or the loss; NaN if it is missing.
double value_of(const FinetuneEvaluation& evaluation, const std::string& name);
/// False for losses and errors.
bool greater_is_better(const std::string& name);

struct EvaluatedSet {
  TaskEvaluation result;
  std::string collapsed;  ///< the one prediction for all examples; "" if there are several
};
EvaluatedSet evaluate_set(const FinetuneRecipe& recipe, const EvaluationSet& set, Engine& engine,
                          const Tokenizer& tokenizer);

/// Before training: Error(kUsage) if metric_for_best_model is not a metric of the first validation set.
void require_metric(const FinetuneRecipe& recipe, const FinetuneData& data, Engine& engine,
                    const Tokenizer& tokenizer);

}  // namespace roberta
