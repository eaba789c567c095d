#include <algorithm>

#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"
#include "server/tasks/task_options.h"
#include "tasks/code_points.h"

namespace roberta::server {
namespace {

constexpr int64_t kMaxTokens = 1 << 20;  // of windows and strides; models are much shorter

bool fits(const ModelInfo& info) { return info.task == "question-answering"; }

std::vector<QuestionContext> questions_of(const std::vector<TextPair>& inputs) {
  std::vector<QuestionContext> questions;
  for (const TextPair& input : inputs) questions.push_back({input.first, input.second.value_or("")});
  return questions;
}

/// The text of the best answer.
TaskPredictions predict(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const bool full = request.options.return_full;
  AnswerOptions options = request.options.answer;
  options.top_k = full ? std::max(1, request.options.top_k) : 1;
  TaskPredictions out;
  for (const std::vector<Answer>& found : answer(context.model(), questions_of(request.inputs), options)) {
    TaskPrediction& item = out.items.emplace_back();
    item.is_object = full && found.size() == 1;
    if (full)
      append_json(item.json, found);
    else
      append_json_string(item.json, found.empty() ? std::string() : found[0].answer);
  }
  return out;
}

std::vector<OutputTensor> tensors(RequestContext& context, const ServedModel&, const TaskRequest& request) {
  const std::vector<int64_t> shape = {dimension(request.inputs.size())};
  using Type = OutputTensor::Type;
  OutputTensor text{.name = "answer", .type = Type::kText, .shape = shape},
      score{.name = "score", .type = Type::kFloat, .shape = shape},
      begin{.name = "start", .type = Type::kInteger, .shape = shape},
      end{.name = "end", .type = Type::kInteger, .shape = shape};
  AnswerOptions options = request.options.answer;
  options.top_k = 1;
  for (const std::vector<Answer>& found : answer(context.model(), questions_of(request.inputs), options)) {
    const Answer best = found.empty() ? Answer{0, {}, ""} : found[0];
    text.texts.push_back(best.answer);
    score.floats.push_back(best.score);
    begin.integers.push_back(best.offset.begin);
    end.integers.push_back(best.offset.end);
  }
  return {std::move(text), std::move(score), std::move(begin), std::move(end)};
}

// ---- the pipeline

QuestionContext read_question(const Json& value) {
  if (!value.is_object()) reject(R"(`inputs` must be {"question", "context"} or a list of these)");
  QuestionContext out{required_string(required_member(value, "question"), "question"),
                      required_string(required_member(value, "context"), "context")};
  if (out.question.empty()) reject_empty("question");
  if (out.context.empty()) reject_empty("context");
  return out;
}

std::vector<QuestionContext> read_questions(RequestContext& context, const Json& inputs) {
  std::vector<QuestionContext> questions;
  if (inputs.is_array()) {
    if (inputs.empty()) reject_empty("inputs");
    check_batch_size(context, inputs.size());  // before anything is copied
    for (const Json& item : inputs) questions.push_back(read_question(item));
  } else {
    questions.push_back(read_question(inputs));
  }
  int64_t characters = 0;
  for (const QuestionContext& item : questions)
    characters += characters_in(item.question) + characters_in(item.context);
  count_inputs(context, questions.size(), characters, "inputs");
  return questions;
}

/// Cuts a question to `max_tokens` (0: not at all). Returns the number of its tokens after that.
int64_t cut_question(const Tokenizer& tokenizer, std::string& question, int64_t max_tokens) {
  EncodeOptions options;
  options.add_special_tokens = false;
  const Encoding encoding = tokenizer.encode(question, options);
  const auto count = static_cast<int64_t>(encoding.ids.size());
  if (max_tokens == 0 || count <= max_tokens) return count;
  question = CodePoints(question).slice(0, encoding.offsets[static_cast<size_t>(max_tokens) - 1].end);
  return max_tokens;
}

/// A long question leaves windows with little of the context in each, and most of that shared: a request of
/// one megabyte could cost hundreds of times its tokens. So windows advance by at least a sixteenth of their
/// size.
void bound_windows(AnswerOptions& options, int64_t question_tokens, int64_t max_length) {
  constexpr int64_t kSpecials = 4, kParts = 16;
  const int64_t window = std::min(options.max_length, max_length);
  const int64_t room = window - question_tokens - kSpecials;
  const int64_t step = std::max<int64_t>(1, window / kParts);
  if (room < step)
    reject("a question of " + std::to_string(question_tokens) +
           " tokens leaves too little room for the context in windows of " + std::to_string(window) +
           " tokens; shorten the question or set `max_question_len`");
  options.stride = std::min(options.stride, room - step);
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters =
      pipeline_parameters(request, question_answering_task,
                          {"top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len",
                           "handle_impossible_answer", "align_to_words"});
  const ServedModel& served = pipeline_model(context, request, question_answering_task);
  std::vector<QuestionContext> questions = read_questions(context, *request.inputs);
  AnswerOptions options;
  options.top_k = static_cast<int>(integer(parameters, "top_k", options.top_k, 1, 1000));
  read_answer_options(parameters, kMaxTokens, options);
  const int64_t max_question = integer(parameters, "max_question_len", 0, 1, kMaxTokens);
  int64_t question_tokens = 0;
  for (QuestionContext& item : questions)
    question_tokens =
        std::max(question_tokens, cut_question(served.shared->tokenizer(), item.question, max_question));
  bound_windows(options, question_tokens, served.shared->info().max_length);
  const std::vector<std::vector<Answer>> found = answer(context.model(), questions, options);
  // As the pipeline of transformers 4: the response to a list of one question is that of the question alone.
  return join_predictions(found.size(), found.size() > 1,
                          [&](std::string& out, size_t i) { append_json(out, found[i]); });
}

constexpr TensorSpec kOutputs[] = {{"answer", OutputTensor::Type::kText},
                                   {"score", OutputTensor::Type::kFloat},
                                   {"start", OutputTensor::Type::kInteger},
                                   {"end", OutputTensor::Type::kInteger}};

}  // namespace

constinit const TaskHandler question_answering_task = {
    .kind = TaskKind::kQuestionAnswering,
    .fits = fits,
    .input = InputKind::kPair,
    .input_names = {"question", "context"},
    .outputs = kOutputs,
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = nullptr,
    .pipeline = pipeline,
};

}  // namespace roberta::server
