#pragma once
// Evaluation of what an engine holds on data in memory: behind `roberta evaluate`, and of the dev set while a
// model is being fine-tuned.

#include <functional>
#include <string>

#include "infer/engine.h"
#include "roberta/evaluate.h"
#include "tasks/features.h"
#include "tasks/glue.h"

namespace roberta {

struct EvaluationContext {
  Engine& engine;
  const Tokenizer& tokenizer;
  int64_t max_length = 0;  ///< tokens
  int threads = 0;
  EvaluationProgress progress;
  /// Told each example's prediction as a JSON object, in order; may be empty.
  std::function<void(const std::string& json)> prediction;
};

/// `task`: null of data that is no GLUE task's. The loss is that of training (mean over units).
TaskEvaluation evaluate_text_data(const EvaluationContext& context, const TextData& data,
                                  const GlueTask* task);
TaskEvaluation evaluate_token_data(const EvaluationContext& context, const TokenData& data);
struct SquadDecoding {
  int64_t doc_stride = 128, n_best = 20, max_answer = 30, max_question = 0;
  double null_threshold = 0;
};
TaskEvaluation evaluate_squad_data(const EvaluationContext& context, const SquadData& data,
                                   const SquadDecoding& decoding);

}  // namespace roberta
