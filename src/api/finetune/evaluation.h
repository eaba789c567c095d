#pragma once
// The evaluations of a fine-tuning run: which number decides, and whether the model has learnt anything.

#include <string>

#include "api/evaluate/task_evaluation.h"
#include "api/finetune/data.h"
#include "roberta/finetune.h"

namespace roberta {

/// A metric by its name, or the loss; NaN when it isn't there.
double value_of(const FinetuneEvaluation& evaluation, const std::string& name);
/// Of a metric by that name: losses and errors are better when they are lower.
bool greater_is_better(const std::string& name);

struct EvaluatedSet {
  TaskEvaluation result;
  std::string collapsed;  ///< the one answer that was given to every example; "" where there are several
};
EvaluatedSet evaluate_set(const FinetuneRecipe& recipe, const EvaluationSet& set, Engine& engine,
                          const Tokenizer& tokenizer);

/// Before training: Error(kUsage) when the run's metric_for_best is none that the first dev set gives.
void require_metric(const FinetuneRecipe& recipe, const FinetuneData& data, Engine& engine,
                    const Tokenizer& tokenizer);

}  // namespace roberta
