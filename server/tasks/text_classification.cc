#include <algorithm>
#include <numeric>

#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"
#include "server/tasks/task_options.h"
#include "tasks/decoding/probabilities.h"

namespace roberta::server {
namespace {

// ---- JSON

TaskPredictions predict(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const bool full = request.options.return_full;
  ClassifyOptions options;
  options.function = request.options.function;
  options.truncate = request.options.truncate.value_or(context.options.auto_truncate);
  options.top_k = full ? request.options.top_k : 1;  // 0: all
  TaskPredictions out;
  for (const std::vector<LabelScore>& labels : classify(context.model(), request.inputs, options)) {
    TaskPrediction& item = out.items.emplace_back();
    item.is_object = !full;
    if (full)
      append_json(item.json, labels);
    else
      append_json(item.json, labels.at(0));
  }
  return out;
}

/// A single text or pair, or a list of them.
struct PairInputs {
  std::vector<TextPair> items;
  bool list = false, named = false;  ///< given as {"text", "text_pair"}
};

TextPair read_pair(const Json& value) {
  if (value.is_string()) return {value.get<std::string>(), std::nullopt};
  if (!value.is_object()) reject(R"(`inputs` must be a text, {"text", "text_pair"}, or a list of these)");
  TextPair pair{required_string(required_member(value, "text"), "text"), std::nullopt};
  if (const Json* second = find_member(value, "text_pair"))
    pair.second = required_string(*second, "text_pair");
  return pair;
}

PairInputs read_pairs(RequestContext& context, const Json& inputs) {
  PairInputs out;
  out.list = inputs.is_array();
  out.named = inputs.is_object();
  if (out.list) {
    check_batch_size(context, inputs.size());  // before anything is copied
    for (const Json& item : inputs) out.items.push_back(read_pair(item));
  } else {
    out.items.push_back(read_pair(inputs));
  }
  count_pairs(context, out.items, "inputs");
  return out;
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters =
      pipeline_parameters(request, text_classification_task, {"top_k", "function_to_apply", "truncation"});
  pipeline_model(context, request, text_classification_task);
  const PairInputs texts = read_pairs(context, *request.inputs);
  ClassifyOptions options;
  // As the pipeline: without top_k the best label as an object, with null all labels.
  const bool legacy = !parameters.contains("top_k");
  options.top_k = static_cast<int>(integer(parameters, "top_k", legacy ? 1 : 0, 1, kMaxTopK));
  options.truncate = boolean(parameters, "truncation", context.options.auto_truncate);
  options.function = read_label_function(parameters, LabelFunction::kDefault);
  const std::vector<std::vector<LabelScore>> found = classify(context.model(), texts.items, options);
  // As the pipeline, where "This pipeline is odd": a single string gets a list with its best label, a single
  // {"text"} the object.
  const bool list = texts.list || (legacy && !texts.named);
  return join_predictions(found.size(), list, [&](std::string& out, size_t i) {
    legacy ? append_json(out, found[i][0]) : append_json(out, found[i]);
  });
}

// ---- tensors

/// "label" and "score": [n], or with `columns` [n, k].
std::vector<OutputTensor> label_tensors(const std::vector<std::vector<LabelScore>>& found, bool columns) {
  std::vector<int64_t> shape = {dimension(found.size())};
  if (columns) shape.push_back(found.empty() ? 0 : dimension(found[0].size()));
  OutputTensor label{.name = "label", .type = OutputTensor::Type::kText, .shape = shape},
      score{.name = "score", .type = OutputTensor::Type::kFloat, .shape = shape};
  for (const std::vector<LabelScore>& labels : found) {
    for (const LabelScore& one : labels) {
      label.texts.push_back(one.label);
      score.floats.push_back(one.score);
    }
  }
  return {std::move(label), std::move(score)};
}

std::vector<OutputTensor> tensors(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  ClassifyOptions options;
  options.function = request.options.function;
  options.top_k = std::max(1, request.options.top_k);
  options.truncate = request.options.truncate.value_or(context.options.auto_truncate);
  return label_tensors(classify(context.model(), request.inputs, options), request.options.top_k > 0);
}

LabelFunction resolve(const ModelInfo& info, LabelFunction function) {
  if (function != LabelFunction::kDefault) return function;
  if (info.problem_type == "regression") return LabelFunction::kNone;
  return info.labels.size() > 1 && info.problem_type != "multi_label_classification"
             ? LabelFunction::kSoftmax
             : LabelFunction::kSigmoid;
}

std::vector<LabelScore> ranked(const ModelInfo& info, std::span<const float> row, LabelFunction function,
                               int top_k) {
  std::vector<float> scores(row.begin(), row.end());
  if (function == LabelFunction::kSoftmax) softmax(scores);
  if (function == LabelFunction::kSigmoid) {
    for (float& score : scores) score = sigmoid(score);
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(1, top_k))));
  std::vector<LabelScore> out;
  for (const size_t label : order) out.push_back({info.labels.at(label), scores[label]});
  return out;
}

/// "logits" [n, labels] too.
std::vector<OutputTensor> tensors_of_ids(RequestContext& context, std::span<const Model::Ids> sequences,
                                         const TaskOptions& options) {
  const ModelInfo& info = context.model().info();
  Matrix logits = context.model().sequence_logits(sequences);
  const LabelFunction function = resolve(info, options.function);
  std::vector<std::vector<LabelScore>> found;
  for (int64_t r = 0; r < logits.rows; ++r)
    found.push_back(ranked(info, logits.row(r), function, options.top_k));
  std::vector<OutputTensor> out = label_tensors(found, options.top_k > 0);
  out.push_back({.name = "logits",
                 .type = OutputTensor::Type::kFloat,
                 .shape = {logits.rows, logits.cols},
                 .floats = std::move(logits.data)});
  return out;
}

constexpr TensorSpec kOutputs[] = {{"label", OutputTensor::Type::kText},
                                   {"score", OutputTensor::Type::kFloat}};

}  // namespace

constinit const TaskHandler text_classification_task = {
    .kind = TaskKind::kTextClassification,
    .fits = is_classifier,
    .input = InputKind::kTextOrPair,
    .input_names = {"text", "text_pair"},
    .outputs = kOutputs,
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = tensors_of_ids,
    .pipeline = pipeline,
};

}  // namespace roberta::server
