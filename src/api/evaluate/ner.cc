#include <cmath>

#include "api/evaluate/prediction_file.h"
#include "api/evaluate/task_evaluation.h"
#include "api/options/enum_names.h"
#include "api/pipelines/model_impl.h"
#include "roberta/evaluate.h"
#include "tasks/readers/tag_columns.h"

namespace roberta {

TaskEvaluation evaluate_ner(Model& model, const std::filesystem::path& file,
                            const TokenEvaluationOptions& options) {
  require_task(model, "token-classification", "evaluate");
  const TokenData data = read_token_data(file, {.text_column = options.text_column,
                                                .label_column = options.label_column,
                                                .labels = model.info().labels,
                                                .scheme = enum_name(options.tag_scheme),
                                                .limit = options.limit});
  PredictionFile predictions(options.predictions);
  EvaluationContext context{.engine = ModelAccess::engine(model),
                            .tokenizer = model.tokenizer(),
                            .max_length = options.max_length,
                            .threads = model.threads(),
                            .progress = options.progress};
  if (predictions.wanted())
    context.predicted_row = [&](const std::string& row) { predictions.write_line(row); };
  const TaskEvaluation out = evaluate_token_data(context, data);
  predictions.close();
  return out;
}

TaskEvaluation score_ner(const std::filesystem::path& file) {
  const TagColumns columns = read_tag_columns(file);
  TaskEvaluation out;
  out.task = "token-classification";
  out.examples = static_cast<int64_t>(columns.truth.size());
  out.loss = std::nan("");
  out.metrics = entity_metrics(columns.truth, columns.predicted);
  return out;
}

}  // namespace roberta
