#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"
#include "server/tasks/task_options.h"

namespace roberta::server {
namespace {

constexpr int64_t kMaxStride = 1 << 20;  // tokens; models are much shorter

bool fits(const ModelInfo& info) { return info.task == "token-classification"; }

/// The labels of a text's entities with commas between, in the form of MLflow.
TaskPredictions predict(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const TagOptions& options = request.options.tag;
  const bool groups = options.aggregation != Aggregation::kNone;
  TaskPredictions out;
  for (const std::vector<Tag>& tags : tag(context.model(), texts_of(request.inputs), options)) {
    std::string& json = out.items.emplace_back().json;
    if (request.options.return_full) {
      append_json(json, tags, groups);
      continue;
    }
    std::string labels;
    for (const Tag& one : tags) labels += (labels.empty() ? "" : ",") + one.label;
    append_json_string(json, labels);
  }
  return out;
}

/// One string for each text, the pipeline's JSON: the number of entities differs from text to text.
std::vector<OutputTensor> tensors(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const TagOptions& options = request.options.tag;
  const bool groups = options.aggregation != Aggregation::kNone;
  OutputTensor out{
      .name = "entities", .type = OutputTensor::Type::kText, .shape = {dimension(request.inputs.size())}};
  for (const std::vector<Tag>& tags : tag(context.model(), texts_of(request.inputs), options))
    append_json(out.texts.emplace_back(), tags, groups);
  return {std::move(out)};
}

/// Lists of words: of one text, or (lists in a list) of several.
std::vector<std::vector<std::string>> read_words(RequestContext& context, const Json& inputs) {
  if (!inputs.is_array())
    reject("with `is_split_into_words`, `inputs` must be a list of words, or a list of such lists");
  std::vector<std::vector<std::string>> texts;
  if (!inputs.empty() && inputs[0].is_array()) {
    check_batch_size(context, inputs.size());  // before anything is copied
    for (const Json& words : inputs) texts.push_back(strings(words, "inputs"));
  } else {
    texts.push_back(strings(inputs, "inputs"));
  }
  int64_t characters = 0;
  for (const std::vector<std::string>& words : texts) {
    if (words.empty()) reject_empty("inputs");
    for (const std::string& word : words) characters += characters_in(word);
  }
  count_inputs(context, texts.size(), characters, "inputs");
  return texts;
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters =
      pipeline_parameters(request, token_classification_task,
                          {"aggregation_strategy", "ignore_labels", "stride", "is_split_into_words"});
  pipeline_model(context, request, token_classification_task);
  TagOptions options{.aggregation = Aggregation::kNone};  // as the pipeline of transformers
  options.aggregation = read_aggregation(parameters, options.aggregation);
  if (const Json* labels = find_member(parameters, "ignore_labels"))
    options.ignore_labels = strings(*labels, "ignore_labels");
  options.stride = integer(parameters, "stride", options.stride, 0, kMaxStride);
  const bool groups = options.aggregation != Aggregation::kNone;
  const auto response = [&](const std::vector<std::vector<Tag>>& found, bool list) {
    return join_predictions(found.size(), list,
                            [&](std::string& out, size_t i) { append_json(out, found[i], groups); });
  };
  if (boolean(parameters, "is_split_into_words", false))
    return response(tag_words(context.model(), read_words(context, *request.inputs), options), true);
  const std::vector<std::string> texts = read_texts(context, *request.inputs, "inputs");
  return response(tag(context.model(), texts, options), request.inputs->is_array());
}

constexpr TensorSpec kOutputs[] = {{"entities", OutputTensor::Type::kText}};

}  // namespace

constinit const TaskHandler token_classification_task = {
    .kind = TaskKind::kTokenClassification,
    .fits = fits,
    .input = InputKind::kText,
    .input_names = {"text", ""},
    .outputs = kOutputs,
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = nullptr,
    .pipeline = pipeline,
};

}  // namespace roberta::server
