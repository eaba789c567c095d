#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/json_body.h"
#include "server/tasks/encoding.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

/// Pooling and normalization of the model's directory, unless the request says otherwise. HttpError 424 where
/// the directory has an unsupported pooling module.
EmbedOptions options_for(RequestContext& context, const TaskOptions& options) {
  const ModelInfo& info = context.model().info();
  EmbedOptions out;
  out.pooling = own_pooling(info);
  out.normalize = options.normalize.value_or(info.default_normalize);
  out.truncate = options.truncate.value_or(context.options.auto_truncate);
  return out;
}

/// One vector for each text.
TaskPredictions predict(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  TaskPredictions out;
  const EmbedOptions options = options_for(context, request.options);
  for (const Matrix& vector : embed(context.model(), texts_of(request.inputs), options))
    append_json(out.items.emplace_back().json, vector.row(0));
  return out;
}

std::vector<OutputTensor> vector_tensors(const std::vector<Matrix>& vectors) {
  OutputTensor out{.name = "embedding",
                   .type = OutputTensor::Type::kFloat,
                   .shape = {dimension(vectors.size()), vectors.empty() ? 0 : vectors[0].cols}};
  for (const Matrix& vector : vectors)
    out.floats.insert(out.floats.end(), vector.data.begin(), vector.data.end());
  return {std::move(out)};
}

std::vector<OutputTensor> tensors(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const EmbedOptions options = options_for(context, request.options);
  return vector_tensors(embed(context.model(), texts_of(request.inputs), options));
}

std::vector<OutputTensor> tensors_of_ids(RequestContext& context, std::span<const Model::Ids> sequences,
                                         const TaskOptions& options) {
  return vector_tensors(embed_ids(context.model(), sequences, options_for(context, options)));
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters = pipeline_parameters(
      request, feature_extraction_task,
      {"truncation", "truncate", "truncation_direction", "prompt_name", "pooling", "normalize"});
  const ServedModel& served = pipeline_model(context, request, feature_extraction_task);
  const std::vector<std::string> texts = read_texts(context, *request.inputs, "inputs");
  EncodingOverrides overrides = encoding_overrides(context, served, parameters);
  overrides.truncate = boolean(parameters, "truncation", overrides.truncate);
  EmbedOptions options;
  options.pooling = pooling_named(choice_of(parameters, "pooling", "none", {"none", "cls", "mean", "max"}));
  options.normalize = boolean(parameters, "normalize", false);
  const Vectors found = embed_inputs(context, served, {texts.begin(), texts.end()}, overrides, options);
  return join_predictions(texts.size(), request.inputs->is_array(), [&](std::string& out, size_t i) {
    const Matrix& rows = found.vectors[i];
    out.reserve(out.size() + rows.data.size() * kFloatBytes);
    if (options.pooling != Pooling::kNone) return append_json(out, rows.row(0));
    out += '[';  // a batch of one, as in the pipeline
    append_json(out, rows);
    out += ']';
  });
}

constexpr TensorSpec kOutputs[] = {{"embedding", OutputTensor::Type::kFloat, true}};

}  // namespace

constinit const TaskHandler feature_extraction_task = {
    .kind = TaskKind::kFeatureExtraction,
    .fits = is_any,
    .input = InputKind::kText,
    .input_names = {"text", ""},
    .outputs = kOutputs,
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = tensors_of_ids,
    .pipeline = pipeline,
};

}  // namespace roberta::server
