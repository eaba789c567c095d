#include <algorithm>
#include <cctype>

#include "api/evaluate/prediction_file.h"
#include "api/evaluate/task_evaluation.h"
#include "api/evaluate/text_columns.h"
#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "core/strings.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/glue.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

/// Lower case; '-', '_' and blanks are the same.
std::string plain(const std::string& name) {
  std::string out;
  for (const char c : lower(name)) out += c == '-' || c == ' ' ? '_' : c;
  return out;
}

/// The model's label for each of the data's; empty: the same order. By name, or by index if no name is the
/// same (the model's may be LABEL_0, LABEL_1, ...).
std::vector<int32_t> order_of(const TextData& data, const Names& model) {
  std::vector<int32_t> order;
  size_t known = 0;
  for (const std::string& label : data.labels) {
    const auto at = std::find_if(model.begin(), model.end(),
                                 [&](const std::string& other) { return plain(other) == plain(label); });
    known += at != model.end();
    order.push_back(static_cast<int32_t>(at - model.begin()));
  }
  if (known == 0 && model.size() == data.labels.size()) return {};
  if (known < data.labels.size()) {
    fail(ErrorCode::kModel, "[evaluate] the model's labels are ", quoted_names(model, kNoLimit), "; ",
         data.file.string(), " has ", quoted_names(data.labels, kNoLimit),
         ": was the model trained for this task?");
  }
  return order;
}

LabelKind kind_of(const ModelInfo& info) {
  if (info.problem_type == "regression") return LabelKind::kValue;
  if (info.problem_type == "multi_label_classification") return LabelKind::kSet;
  return info.problem_type.empty() && info.labels.size() == 1 ? LabelKind::kValue : LabelKind::kClass;
}

TextData read_texts(const ModelInfo& info, const fs::path& file, const TextEvaluationOptions& options) {
  TextDataOptions reading;
  reading.columns = usual_text_columns(options.text_column, options.text_pair_column, options.label_column);
  reading.columns.numbered_labels = true;
  reading.kind = kind_of(info);
  reading.set_separator = options.label_separator;
  if (reading.kind != LabelKind::kValue) reading.labels = info.labels;
  reading.limit = options.limit;
  return read_text_data(file, reading);
}

TaskEvaluation evaluate(Model& model, const TextData& data, const GlueTask* task, PredictionFile& predictions,
                        const TextEvaluationOptions& options) {
  EvaluationContext context{.engine = ModelAccess::engine(model),
                            .tokenizer = model.tokenizer(),
                            .max_length = options.max_length,
                            .threads = model.threads(),
                            .progress = options.progress};
  if (predictions.wanted())
    context.predicted_row = [&](const std::string& row) { predictions.write_line(row); };
  if (task && !task->regression) context.label_order = order_of(data, model.info().labels);
  return evaluate_text_data(context, data, task);
}

bool is_mismatched(const fs::path& file) {
  return file.filename().string().find("mismatched") != std::string::npos;
}

}  // namespace

std::vector<TaskEvaluation> evaluate_glue(Model& model, const fs::path& path,
                                          const TextEvaluationOptions& options) {
  require_task(model, "text-classification", "evaluate");
  const GlueTask& task = glue_task(options.task);
  std::error_code ignored;
  const std::vector<fs::path> files =
      fs::is_directory(path, ignored) ? glue_dev_files(task, path) : std::vector<fs::path>{path};
  PredictionFile predictions(options.predictions);
  std::vector<TaskEvaluation> out;
  for (const fs::path& file : files) {
    out.push_back(evaluate(model, read_glue(task, file, options.limit), &task, predictions, options));
    if (task.name == "mnli" && is_mismatched(file)) out.back().task = "mnli-mm";
  }
  predictions.close();
  return out;
}

TaskEvaluation evaluate_text(Model& model, const fs::path& file, const TextEvaluationOptions& options) {
  require_task(model, "text-classification", "evaluate");
  const GlueTask* const task = options.task == "text-classification" ? nullptr : &glue_task(options.task);
  PredictionFile predictions(options.predictions);
  const TextData data =
      task ? read_glue(*task, file, options.limit) : read_texts(model.info(), file, options);
  const TaskEvaluation out = evaluate(model, data, task, predictions, options);
  predictions.close();
  return out;
}

}  // namespace roberta
