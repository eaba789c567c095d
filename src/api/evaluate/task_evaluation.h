#pragma once
// Evaluation of what an engine holds on data in memory: behind `roberta evaluate`, and of the dev set while a
// model is being fine-tuned.

#include <functional>
#include <string>
#include <vector>

#include "infer/engine.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/glue.h"
#include "tasks/decoding/squad_decode.h"
#include "tasks/features.h"

namespace roberta {

struct EvaluationContext {
  Engine& engine;
  const Tokenizer& tokenizer;
  int64_t max_length = 0;  ///< tokens; 0: the model's (of questions 384)
  int threads = 0;         ///< 0: the device's
  EvaluationProgress progress;
  /// Told each example's prediction as a JSON object, in order; may be empty. "prediction" is a label, a list
  /// of labels, a number, a list of tags, an answer.
  std::function<void(const std::string& json)> prediction;
  /// Of a classifier whose labels stand in another order than the data's: the model's label for each of the
  /// data. Empty: the same order.
  std::vector<int32_t> label_order;
};

/// `task`: null of data that is no GLUE task's. The loss is that of training (mean over units). Examples
/// without a label are not counted. Error(kInput) when there is none with one, Error(kModel) when the model
/// has another number of labels.
TaskEvaluation evaluate_text_data(const EvaluationContext& context, const TextData& data,
                                  const GlueTask* task);
TaskEvaluation evaluate_token_data(const EvaluationContext& context, const TokenData& data);
struct SquadDecoding {
  int64_t doc_stride = 128, n_best = 20, max_answer = 30, max_question = 0;
  double null_threshold = 0;
};
TaskEvaluation evaluate_squad_data(const EvaluationContext& context, const SquadData& data,
                                   const SquadDecoding& decoding);

/// The first half of it: an answer for each question.
struct SquadAnswers {
  std::vector<SquadDecoded> answers;  ///< [questions]
  double loss = 0;                    ///< mean over the ends of spans, all windows; 0 of unlabelled data
};
SquadAnswers answer_squad_data(const EvaluationContext& context, const SquadData& data,
                               const SquadDecoding& decoding);
/// The second: metrics of the answers as they are.
TaskEvaluation score_squad_answers(const SquadData& data, const SquadAnswers& answers);

}  // namespace roberta
