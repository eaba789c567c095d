#include "server/protocols/kserve/kserve_infer.h"

#include <algorithm>
#include <optional>

#include "roberta/pipeline_json.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/protocols/kserve/kserve_ids.h"
#include "server/tasks/inputs.h"
#include "server/tasks/main_task.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

using Type = OutputTensor::Type;

OutputTensor make_output(const char* name, Type type, std::vector<int64_t> shape) {
  return {.name = name, .shape = std::move(shape), .texts = {}, .numbers = {}, .floats = {}, .type = type};
}

int64_t count(size_t n) { return static_cast<int64_t>(n); }

const InputTensor* find_input(const InferRequest& request, std::string_view name) {
  for (const InputTensor& tensor : request.inputs) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

/// The texts of a tensor of shape [n] or [n,1].
const std::vector<std::string>& texts_of(const InputTensor& tensor) {
  if (!tensor.is_text) refuse("input '" + tensor.name + "' must be BYTES");
  if (tensor.shape.empty() || tensor.shape.size() > 2 || (tensor.shape.size() == 2 && tensor.shape[1] != 1))
    refuse("input '" + tensor.name + "' must have the shape [n] or [n,1]");
  return tensor.texts;
}

struct Names {
  const char *first, *second;
};

std::vector<TaskInput> paired(const InferRequest& request, Names names) {
  const InputTensor *first = find_input(request, names.first), *second = find_input(request, names.second);
  if (!first || !second || request.inputs.size() != 2)
    refuse(std::string("two inputs of BYTES are needed, '") + names.first + "' and '" + names.second + "'");
  const std::vector<std::string>&a = texts_of(*first), &b = texts_of(*second);
  if (a.size() != b.size())
    refuse(std::string("'") + names.first + "' has " + std::to_string(a.size()) + " texts, '" + names.second +
           "' " + std::to_string(b.size()));
  std::vector<TaskInput> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back({a[i], b[i]});
  return out;
}

std::vector<TaskInput> inputs_of(const InferRequest& request, Task task) {
  if (task == Task::kAnswer) return paired(request, {"question", "context"});
  if (task == Task::kClassify && request.inputs.size() == 2) return paired(request, {"text", "text_pair"});
  if (request.inputs.size() != 1) refuse("one input is needed, of texts: datatype BYTES, shape [n]");
  std::vector<TaskInput> out;
  for (const std::string& text : texts_of(request.inputs[0])) out.push_back({text, std::nullopt});
  return out;
}

/// Best first in each row; a column for each candidate where more than the best was asked for.
std::vector<OutputTensor> fill_outputs(Exchange& exchange, const ServedModel& served,
                                       const std::vector<std::string>& texts, const TaskOptions& wishes) {
  FillMaskOptions options;
  options.top_k = std::max(1, wishes.top_k);
  limit_fill_mask(served, texts, options, false);
  FillTensors out(wishes.top_k > 0);
  const std::vector<std::vector<std::vector<Fill>>> answers = fill_mask(exchange.model(), texts, options);
  for (size_t t = 0; t < answers.size(); ++t) {
    for (const std::vector<Fill>& mask : answers[t]) {
      out.begin_mask(count(t));
      for (const Fill& fill : mask) out.add(stripped(fill.token_str), fill.tokens.at(0), fill.score);
    }
  }
  return std::move(out).tensors();
}

std::vector<OutputTensor> label_outputs(Exchange& exchange, const std::vector<TaskInput>& inputs,
                                        const TaskOptions& wishes) {
  std::vector<TextPair> texts;
  for (const TaskInput& input : inputs) texts.push_back({input.first, input.second});
  ClassifyOptions options;
  options.function = wishes.function;
  options.top_k = std::max(1, wishes.top_k);
  options.truncate = wishes.truncate.value_or(exchange.options.auto_truncate);
  return label_tensors(classify(exchange.model(), texts, options), wishes.top_k > 0);
}

/// The pipeline's JSON of each text: its entities are not of one number.
std::vector<OutputTensor> tag_outputs(Exchange& exchange, const std::vector<std::string>& texts,
                                      const TaskOptions& wishes) {
  const bool groups = wishes.tag.aggregation != Aggregation::kNone;
  OutputTensor out = make_output("entities", Type::kText, {count(texts.size())});
  for (const std::vector<Tag>& tags : tag(exchange.model(), texts, wishes.tag))
    append_json(out.texts.emplace_back(), tags, groups);
  return {std::move(out)};
}

std::vector<OutputTensor> answer_outputs(Exchange& exchange, const std::vector<TaskInput>& inputs,
                                         const TaskOptions& wishes) {
  std::vector<QuestionContext> questions;
  for (const TaskInput& input : inputs) questions.push_back({input.first, input.second.value_or("")});
  const std::vector<int64_t> shape = {count(inputs.size())};
  OutputTensor text = make_output("answer", Type::kText, shape),
               score = make_output("score", Type::kFloat, shape),
               begin = make_output("start", Type::kNumber, shape),
               end = make_output("end", Type::kNumber, shape);
  AnswerOptions options = wishes.answer;
  options.top_k = 1;
  for (const std::vector<Answer>& found : answer(exchange.model(), questions, options)) {
    const Answer best = found.empty() ? Answer{0, {}, ""} : found[0];
    text.texts.push_back(best.answer);
    score.floats.push_back(best.score);
    begin.numbers.push_back(best.offset.begin);
    end.numbers.push_back(best.offset.end);
  }
  return {std::move(text), std::move(score), std::move(begin), std::move(end)};
}

std::vector<OutputTensor> vector_outputs(Exchange& exchange, const std::vector<std::string>& texts,
                                         const TaskOptions& wishes) {
  EmbedOptions options = default_embedding(exchange.model().info());
  options.normalize = wishes.normalize.value_or(options.normalize);
  options.truncate = wishes.truncate.value_or(exchange.options.auto_truncate);
  return vector_tensors(embed(exchange.model(), texts, options));
}

}  // namespace

ModelTensors tensors_of(const ModelInfo& info) {
  switch (main_task_of(info)) {
    case Task::kFillMask:
      return {{{"text", "BYTES", {-1}}},
              {{"output-0", "BYTES", {-1}},
               {"token", "INT64", {-1}},
               {"score", "FP32", {-1}},
               {"text_index", "INT64", {-1}}}};
    case Task::kAnswer:
      return {{{"question", "BYTES", {-1}}, {"context", "BYTES", {-1}}},
              {{"answer", "BYTES", {-1}},
               {"score", "FP32", {-1}},
               {"start", "INT64", {-1}},
               {"end", "INT64", {-1}}}};
    case Task::kTag:
      return {{{"text", "BYTES", {-1}}}, {{"entities", "BYTES", {-1}}}};
    case Task::kEmbed:
      return {{{"text", "BYTES", {-1}}}, {{"embedding", "FP32", {-1, info.hidden_size}}}};
    default:
      return {{{"text", "BYTES", {-1}}}, {{"label", "BYTES", {-1}}, {"score", "FP32", {-1}}}};
  }
}

std::vector<OutputTensor> infer(Exchange& exchange, const ServedModel& served, const InferRequest& request) {
  const ModelInfo& info = served.shared->info();
  TaskOptions wishes;
  read_options(request.parameters, wishes);
  if (find_input(request, "input_ids")) return infer_ids(exchange, served, request, wishes);
  const Task task = main_task_of(info);
  const std::vector<TaskInput> inputs = inputs_of(request, task);
  std::vector<std::string> texts;
  int64_t characters = 0;
  for (const TaskInput& input : inputs) {
    texts.push_back(input.first);
    characters += count_code_points(input.first) + (input.second ? count_code_points(*input.second) : 0);
  }
  count_inputs(exchange, inputs.size(), characters, "inputs");
  switch (task) {
    case Task::kFillMask:
      return fill_outputs(exchange, served, texts, wishes);
    case Task::kTag:
      return tag_outputs(exchange, texts, wishes);
    case Task::kAnswer:
      return answer_outputs(exchange, inputs, wishes);
    case Task::kEmbed:
      return vector_outputs(exchange, texts, wishes);
    default:
      return label_outputs(exchange, inputs, wishes);
  }
}

}  // namespace roberta::server
