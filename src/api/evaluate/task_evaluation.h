#pragma once
// Evaluation of an engine on data in memory: for `roberta evaluate`, and on validation data during
// fine-tuning.

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "infer/engine.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/glue.h"
#include "tasks/decoding/squad_decode.h"
#include "tasks/features.h"

namespace roberta {

/// A label or an answer; labels or tags; a number.
using PredictedValue = std::variant<std::string, std::vector<std::string>, float>;

struct EvaluationContext {
  Engine& engine;
  const Tokenizer& tokenizer;
  int64_t max_length = 0;  ///< tokens; 0: the model's, for questions 384
  int threads = 0;         ///< 0: the device's
  EvaluationProgress progress;
  /// Called with each example's prediction, in order; either may be empty. A row is one line of JSON, with
  /// the prediction as "prediction".
  std::function<void(const PredictedValue& value)> predicted;
  std::function<void(const std::string& row)> predicted_row;
  /// For a classifier whose labels have another order than the data's: the model's label for each of the
  /// data's. Empty: the same order.
  std::vector<int32_t> label_order;

  bool wants_predictions() const { return predicted || predicted_row; }
};

/// `task`: null if the data are not of a GLUE task. The loss is that of training (mean over units). Examples
/// without a label are not counted. Error(kInput) if no example has a label, Error(kModel) if the model has
/// another number of labels.
TaskEvaluation evaluate_text_data(const EvaluationContext& context, const TextData& data,
                                  const GlueTask* task);
TaskEvaluation evaluate_token_data(const EvaluationContext& context, const TokenData& data);
struct SquadDecoding {
  int64_t doc_stride = 128, n_best = 20, max_answer = 30, max_question = 0;
  double null_threshold = 0;
};
TaskEvaluation evaluate_squad_data(const EvaluationContext& context, const SquadData& data,
                                   const SquadDecoding& decoding);

/// The first half: an answer for each question.
struct SquadAnswers {
  std::vector<SquadDecoded> answers;  ///< [questions]
  double loss = 0;                    ///< mean over starts and ends of spans, all windows; 0 without labels
};
SquadAnswers answer_squad_data(const EvaluationContext& context, const SquadData& data,
                               const SquadDecoding& decoding);
/// The second half: metrics of the answers.
TaskEvaluation score_squad_answers(const SquadData& data, const SquadAnswers& answers);

}  // namespace roberta
