#include "server/tasks/main_task.h"

#include <algorithm>

#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

void count(Exchange& exchange, const std::vector<TaskInput>& inputs) {
  int64_t characters = 0;
  for (const TaskInput& input : inputs)
    characters += count_code_points(input.first) + (input.second ? count_code_points(*input.second) : 0);
  count_inputs(exchange, inputs.size(), characters, "inputs");
}

std::vector<std::string> texts_of(const TaskRequest& request) {
  std::vector<std::string> texts;
  for (const TaskInput& input : request.inputs) texts.push_back(input.first);
  return texts;
}

void append_word(std::string& out, const std::vector<Fill>& candidates) {
  append_json_string(out, candidates.empty() ? std::string_view() : stripped(candidates[0].token_str));
}

void append_words(std::string& out, const std::vector<std::vector<Fill>>& masks) {
  for (size_t m = 0; m < masks.size(); ++m) {
    out += m ? ',' : '[';
    append_word(out, masks[m]);
  }
  out += ']';
}

void fill(Exchange& exchange, const ServedModel& served, const TaskRequest& request, bool full,
          TaskAnswers& answers) {
  const std::vector<std::string> texts = texts_of(request);
  FillMaskOptions options;
  options.targets = request.options.targets;
  options.top_k = !full ? 1 : request.options.top_k > 0 ? request.options.top_k : 5;
  if (!options.targets.empty() && request.options.top_k == 0 && full)
    options.top_k = static_cast<int>(options.targets.size());
  limit_fill_mask(served, texts, options, false);
  for (const std::vector<std::vector<Fill>>& masks : fill_mask(exchange.model(), texts, options)) {
    std::string& out = answers.items.emplace_back();
    if (full)
      append_json(out, masks);
    else if (masks.size() == 1)
      append_word(out, masks[0]);
    else
      append_words(out, masks);
    answers.single_is_list = !full && masks.size() > 1;
  }
}

void classify_pairs(Exchange& exchange, const TaskRequest& request, bool full, TaskAnswers& answers) {
  std::vector<TextPair> texts;
  for (const TaskInput& input : request.inputs) texts.push_back({input.first, input.second});
  ClassifyOptions options;
  options.function = request.options.function;
  options.truncate = request.options.truncate.value_or(exchange.options.auto_truncate);
  options.top_k = full ? request.options.top_k : 1;  // 0: all
  for (const std::vector<LabelScore>& labels : classify(exchange.model(), texts, options)) {
    std::string& out = answers.items.emplace_back();
    if (full)
      append_json(out, labels);
    else
      append_json(out, labels.at(0));
  }
}

void tag_texts(Exchange& exchange, const TaskRequest& request, bool full, TaskAnswers& answers) {
  const bool groups = request.options.tag.aggregation != Aggregation::kNone;
  for (const std::vector<Tag>& tags : tag(exchange.model(), texts_of(request), request.options.tag)) {
    std::string& out = answers.items.emplace_back();
    if (full) {
      append_json(out, tags, groups);
      continue;
    }
    std::string labels;
    for (const Tag& one : tags) labels += (labels.empty() ? "" : ",") + one.label;
    append_json_string(out, labels);
  }
}

void answer_questions(Exchange& exchange, const TaskRequest& request, bool full, TaskAnswers& answers) {
  std::vector<QuestionContext> questions;
  for (const TaskInput& input : request.inputs) questions.push_back({input.first, input.second.value_or("")});
  AnswerOptions options = request.options.answer;
  options.top_k = !full ? 1 : std::max(1, request.options.top_k);
  for (const std::vector<Answer>& found : answer(exchange.model(), questions, options)) {
    std::string& out = answers.items.emplace_back();
    if (!full)
      append_json_string(out, found.empty() ? std::string() : found[0].answer);
    else
      append_json(out, found);
  }
}

void embed_texts(Exchange& exchange, const TaskRequest& request, TaskAnswers& answers) {
  Model& model = exchange.model();
  EmbedOptions options = default_embedding(model.info());
  options.normalize = request.options.normalize.value_or(options.normalize);
  options.truncate = request.options.truncate.value_or(exchange.options.auto_truncate);
  for (const Matrix& vector : embed(model, texts_of(request), options))
    append_json(answers.items.emplace_back(), vector.row(0));
}

/// Plain: a record for each label, as MLflow's table has them; join() makes one list of all.
void append_records(std::string& out, const ZeroShot& answer) {
  for (size_t i = 0; i < answer.labels.size(); ++i) {
    out += i ? ",{\"sequence\":" : "{\"sequence\":";
    append_json_string(out, answer.sequence);
    out += ",\"labels\":";
    append_json_string(out, answer.labels[i]);
    out += ",\"scores\":";
    append_json_number(out, answer.scores[i]);
    out += '}';
  }
}

void classify_zero_shot(Exchange& exchange, const TaskRequest& request, bool full, TaskAnswers& answers) {
  for (const ZeroShot& answer : zero_shot(exchange.model(), texts_of(request),
                                          request.options.candidate_labels, request.options.zero_shot)) {
    std::string& out = answers.items.emplace_back();
    if (!full)
      append_records(out, answer);
    else
      append_json(out, answer);
  }
}

std::string listed(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) (out += out.size() > 1 ? "," : "") += item;
  return out += ']';
}

}  // namespace

TaskAnswers run_task(Exchange& exchange, const ServedModel& served, const TaskRequest& request) {
  const bool full = request.options.return_full;
  count(exchange, request.inputs);
  TaskAnswers answers;
  switch (request.task) {
    case Task::kFillMask:
      fill(exchange, served, request, full, answers);
      break;
    case Task::kClassify:
      classify_pairs(exchange, request, full, answers);
      break;
    case Task::kTag:
      tag_texts(exchange, request, full, answers);
      break;
    case Task::kAnswer:
      answer_questions(exchange, request, full, answers);
      break;
    case Task::kEmbed:
      embed_texts(exchange, request, answers);
      break;
    case Task::kZeroShot:
      classify_zero_shot(exchange, request, full, answers);
      break;
  }
  return answers;
}

std::string pipeline_of(const ModelInfo& info, const Json& body) {
  const Json* parameters = find_member(body, "parameters");
  const bool labels = parameters && parameters->is_object() && parameters->contains("candidate_labels");
  if (labels && info.task == "text-classification") return "zero-shot-classification";
  return info.task.empty() ? "feature-extraction" : info.task;
}

std::string join(const TaskAnswers& answers, bool single) {
  return single && answers.single_is_list ? answers.items.at(0) : listed(answers.items);
}

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

EmbedOptions default_embedding(const ModelInfo& info) {
  EmbedOptions options;
  options.pooling = own_pooling(info);
  options.normalize = info.default_normalize;
  return options;
}

}  // namespace roberta::server
