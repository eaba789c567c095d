#include <algorithm>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"
#include "server/tasks/task_options.h"

namespace roberta::server {
namespace {

constexpr size_t kMaxLabels = 1024;  // each costs one pass for each text

/// Models of natural-language inference.
bool fits(const ModelInfo& info) {
  return is_classifier(info) && std::any_of(info.labels.begin(), info.labels.end(), [](const auto& label) {
           return lower(label).starts_with("entail");
         });
}

/// One record for each label, as in MLflow's table; a list of predictions becomes one list of all records.
void append_records(std::string& out, const ZeroShot& prediction) {
  for (size_t i = 0; i < prediction.labels.size(); ++i) {
    out += i ? ",{\"sequence\":" : "{\"sequence\":";
    append_json_string(out, prediction.sequence);
    out += ",\"labels\":";
    append_json_string(out, prediction.labels[i]);
    out += ",\"scores\":";
    append_json_number(out, prediction.scores[i]);
    out += '}';
  }
}

TaskPredictions predict(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  TaskPredictions out;
  for (const ZeroShot& prediction : zero_shot(context.model(), texts_of(request.inputs),
                                              request.options.candidate_labels, request.options.zero_shot)) {
    TaskPrediction& item = out.items.emplace_back();
    item.is_object = true;
    if (request.options.return_full)
      append_json(item.json, prediction);
    else
      append_records(item.json, prediction);
  }
  return out;
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters = pipeline_parameters(request, zero_shot_classification_task,
                                               {"candidate_labels", "hypothesis_template", "multi_label"});
  pipeline_model(context, request, zero_shot_classification_task);
  const std::vector<std::string> texts = read_texts(context, *request.inputs, "inputs");
  const std::vector<std::string> labels = read_labels(required_member(parameters, "candidate_labels"));
  if (labels.empty()) reject_empty("candidate_labels");
  if (labels.size() > kMaxLabels)
    reject("`candidate_labels` must have at most " + std::to_string(kMaxLabels) + " labels, got " +
           std::to_string(labels.size()));
  ZeroShotOptions options;
  read_zero_shot_options(parameters, options);
  const std::vector<ZeroShot> found = zero_shot(context.model(), texts, labels, options);
  return join_predictions(texts.size(), request.inputs->is_array(),
                          [&](std::string& out, size_t i) { append_json(out, found[i]); });
}

/// Labels belong to the request, not to the model: no protocol asks for this task by tensors.
std::vector<OutputTensor> tensors(RequestContext&, const ServedModel&, const TaskRequest&) {
  throw HttpError(400, ErrorType::kValidation, "zero-shot classification has no tensors");
}

}  // namespace

constinit const TaskHandler zero_shot_classification_task = {
    .kind = TaskKind::kZeroShotClassification,
    .fits = fits,
    .input = InputKind::kText,
    .input_names = {"text", ""},
    .outputs = {},
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = nullptr,
    .pipeline = pipeline,
};

}  // namespace roberta::server
