// The pipelines that answer with parts of texts: token-classification, question-answering.

#include <algorithm>

#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/pipelines.h"
#include "tasks/code_points.h"

namespace roberta::server {
namespace {

constexpr int64_t kMostTokens = 1 << 20;  // of windows and strides; models are far shorter

bool is_tagger(const ModelInfo& info) { return info.task == "token-classification"; }
bool is_answerer(const ModelInfo& info) { return info.task == "question-answering"; }

Aggregation aggregation_of(const std::string& name) {
  if (name == "simple") return Aggregation::kSimple;
  if (name == "first") return Aggregation::kFirst;
  if (name == "average") return Aggregation::kAverage;
  return name == "max" ? Aggregation::kMax : Aggregation::kNone;
}

TagOptions read_tag_options(const Json& parameters) {
  TagOptions options;
  options.aggregation = aggregation_of(
      word_of(parameters, "aggregation_strategy", "none", {"none", "simple", "first", "average", "max"}));
  if (const Json* labels = find_member(parameters, "ignore_labels"))
    options.ignore_labels = strings(*labels, "ignore_labels");
  options.stride = integer(parameters, "stride", options.stride, 0, kMostTokens);
  return options;
}

/// Lists of words: of one text, or (lists in a list) of several.
std::vector<std::vector<std::string>> read_words(Exchange& exchange, const Json& inputs) {
  if (!inputs.is_array())
    refuse("with `is_split_into_words`, `inputs` must be a list of words, or a list of such lists");
  std::vector<std::vector<std::string>> texts;
  if (!inputs.empty() && inputs[0].is_array()) {
    if (inputs.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
      count_inputs(exchange, inputs.size(), 1, "inputs");  // refuses before anything is copied
    for (const Json& words : inputs) texts.push_back(strings(words, "inputs"));
  } else {
    texts.push_back(strings(inputs, "inputs"));
  }
  int64_t characters = 0;
  for (const std::vector<std::string>& words : texts) {
    if (words.empty()) refuse_empty("inputs");
    for (const std::string& word : words) characters += count_code_points(word);
  }
  count_inputs(exchange, texts.size(), characters, "inputs");
  return texts;
}

std::string append_tags(const std::vector<std::vector<Tag>>& found, bool list, bool groups) {
  return join_replies(found.size(), list,
                      [&](std::string& out, size_t i) { append_json(out, found[i], groups); });
}

QuestionContext read_question(const Json& value) {
  if (!value.is_object()) refuse(R"(`inputs` must be {"question", "context"} or a list of these)");
  QuestionContext out{need_string(need_member(value, "question"), "question"),
                      need_string(need_member(value, "context"), "context")};
  if (out.question.empty()) refuse_empty("question");
  if (out.context.empty()) refuse_empty("context");
  return out;
}

std::vector<QuestionContext> read_questions(Exchange& exchange, const Json& inputs) {
  if (inputs.is_array() && inputs.empty()) refuse_empty("inputs");
  if (inputs.is_array() && inputs.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
    count_inputs(exchange, inputs.size(), 1, "inputs");  // refuses before anything is copied
  std::vector<QuestionContext> questions;
  if (inputs.is_array())
    for (const Json& item : inputs) questions.push_back(read_question(item));
  else
    questions.push_back(read_question(inputs));
  int64_t characters = 0;
  for (const QuestionContext& item : questions)
    characters += count_code_points(item.question) + count_code_points(item.context);
  count_inputs(exchange, questions.size(), characters, "inputs");
  return questions;
}

AnswerOptions read_answer_options(const Json& parameters) {
  AnswerOptions options;
  options.top_k = static_cast<int>(integer(parameters, "top_k", options.top_k, 1, 1000));
  options.max_length = integer(parameters, "max_seq_len", options.max_length, 1, kMostTokens);
  options.stride = integer(parameters, "doc_stride", options.stride, 0, kMostTokens);
  options.max_answer = integer(parameters, "max_answer_len", options.max_answer, 1, kMostTokens);
  options.align_words = boolean(parameters, "align_to_words", options.align_words);
  options.handle_impossible = boolean(parameters, "handle_impossible_answer", options.handle_impossible);
  return options;
}

/// Cuts a question to so many tokens (0: not at all). Returns how many it has then.
int64_t cut_question(const Tokenizer& tokenizer, std::string& question, int64_t most) {
  EncodeOptions options;
  options.add_special_tokens = false;
  const Encoding encoding = tokenizer.encode(question, options);
  const auto count = static_cast<int64_t>(encoding.ids.size());
  if (most == 0 || count <= most) return count;
  question = CodePoints(question).slice(0, encoding.offsets[static_cast<size_t>(most) - 1].end);
  return most;
}

/// A long question leaves windows that hold little of the context and share most of that: a request of a
/// megabyte could order hundreds of times its tokens. So windows move by a sixteenth of their size at least.
void bound_windows(AnswerOptions& options, int64_t longest_question, int64_t max_length) {
  constexpr int64_t kSpecials = 4, kParts = 16;
  const int64_t window = std::min(options.max_length, max_length);
  const int64_t room = window - longest_question - kSpecials;
  const int64_t step = std::max<int64_t>(1, window / kParts);
  if (room < step)
    refuse("a question of " + std::to_string(longest_question) +
           " tokens leaves too little room in windows of " + std::to_string(window) +
           " tokens for the context; shorten it, or set `max_question_len`");
  options.stride = std::min(options.stride, room - step);
}

}  // namespace

std::string token_classification_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters =
      pipeline_parameters(body, "token-classification",
                          {"aggregation_strategy", "ignore_labels", "stride", "is_split_into_words"});
  pipeline_model(exchange, body, "token-classification", is_tagger);
  const TagOptions options = read_tag_options(parameters);
  const bool groups = options.aggregation != Aggregation::kNone;
  if (boolean(parameters, "is_split_into_words", false))
    return append_tags(tag_words(exchange.model(), read_words(exchange, inputs), options), true, groups);
  const std::vector<std::string> texts = read_texts(exchange, inputs, "inputs");
  return append_tags(tag(exchange.model(), texts, options), inputs.is_array(), groups);
}

std::string question_answering_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters =
      pipeline_parameters(body, "question-answering",
                          {"top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len",
                           "handle_impossible_answer", "align_to_words"});
  const ServedModel& served = pipeline_model(exchange, body, "question-answering", is_answerer);
  std::vector<QuestionContext> questions = read_questions(exchange, inputs);
  AnswerOptions options = read_answer_options(parameters);
  const int64_t most = integer(parameters, "max_question_len", 0, 1, kMostTokens);
  int64_t longest = 0;
  for (QuestionContext& item : questions)
    longest = std::max(longest, cut_question(served.shared->tokenizer(), item.question, most));
  bound_windows(options, longest, served.shared->info().max_length);
  const std::vector<std::vector<Answer>> found = answer(exchange.model(), questions, options);
  // As the pipeline of transformers 4: a list of one question is answered as the question alone.
  return join_replies(found.size(), found.size() > 1,
                      [&](std::string& out, size_t i) { append_json(out, found[i]); });
}

}  // namespace roberta::server
