#include "server/protocols/kserve/kserve_infer.h"

#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/protocols/kserve/kserve_ids.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task_options.h"

namespace roberta::server {
namespace {

/// The texts of a tensor of shape [n] or [n,1].
const std::vector<std::string>& texts_of(const InputTensor& tensor) {
  if (!tensor.is_text) reject("input '" + tensor.name + "' must have datatype BYTES");
  if (tensor.shape.empty() || tensor.shape.size() > 2 || (tensor.shape.size() == 2 && tensor.shape[1] != 1))
    reject("input '" + tensor.name + "' must have shape [n] or [n,1], got " + shape_text(tensor.shape));
  return tensor.texts;
}

std::vector<TextPair> read_pairs(const InferRequest& request, const TaskHandler& task) {
  const auto& [first_name, second_name] = task.input_names;
  const InputTensor *first = find_input(request, first_name), *second = find_input(request, second_name);
  if (!first || !second || request.inputs.size() != 2)
    reject("expected two inputs of datatype BYTES, '" + std::string(first_name) + "' and '" +
           std::string(second_name) + "'");
  const std::vector<std::string>&a = texts_of(*first), &b = texts_of(*second);
  if (a.size() != b.size())
    reject("inputs '" + std::string(first_name) + "' and '" + std::string(second_name) +
           "' must have the same number of texts, got " + std::to_string(a.size()) + " and " +
           std::to_string(b.size()));
  std::vector<TextPair> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back({a[i], b[i]});
  return out;
}

std::vector<TextPair> read_inputs(const InferRequest& request, const TaskHandler& task) {
  const bool pairs = task.input == InputKind::kTextOrPair && request.inputs.size() == 2;
  if (pairs || task.input == InputKind::kPair) return read_pairs(request, task);
  if (request.inputs.size() != 1) reject("expected one input of datatype BYTES and shape [n]");
  std::vector<TextPair> out;
  for (const std::string& text : texts_of(request.inputs[0])) out.push_back({text, std::nullopt});
  return out;
}

}  // namespace

ModelTensors tensors_of(const ModelInfo& info) {
  const TaskHandler& task = main_task_of(info);
  ModelTensors out;
  for (size_t i = 0; i < (task.input == InputKind::kPair ? 2u : 1u); ++i)
    out.inputs.push_back({std::string(task.input_names[i]), "BYTES", {-1}});
  for (const TensorSpec& spec : task.outputs) {
    TensorInfo& output = out.outputs.emplace_back(
        TensorInfo{std::string(spec.name), std::string(datatype_of(spec.type)), {-1}});
    if (spec.has_width) output.shape.push_back(info.hidden_size);
  }
  return out;
}

std::vector<OutputTensor> infer(RequestContext& context, const ServedModel& served,
                                const InferRequest& request) {
  const TaskHandler& task = main_task_of(served.shared->info());
  TaskRequest task_request{.task = task.kind};
  read_options(request.parameters, task_request.options);
  if (find_input(request, "input_ids")) return infer_ids(context, served, request, task_request.options);
  task_request.inputs = read_inputs(request, task);
  count_texts(context, task_request.inputs, "inputs");
  return task.tensors(context, served, task_request);
}

}  // namespace roberta::server
