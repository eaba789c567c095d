#include <algorithm>

#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/span_answers.h"
#include "tasks/make_all.h"

namespace roberta {
namespace {

void check(const AnswerOptions& options) {
  const auto need = [](bool good, const char* what, auto value) {
    if (!good) fail(ErrorCode::kUsage, "[answer] ", what, " is ", value);
  };
  need(options.top_k >= 1, "top_k", options.top_k);
  need(options.max_answer >= 1, "max_answer", options.max_answer);
  need(options.stride >= 0, "stride", options.stride);
  need(options.max_length >= 1, "max_length", options.max_length);
}

/// The windows of one question's context.
std::vector<Encoding> windows_of(const Tokenizer& tokenizer, const QuestionContext& item,
                                 const std::string& name, int64_t longest, int64_t stride) {
  if (item.question.empty() || item.context.empty()) {
    fail(ErrorCode::kInput, "[answer] ", name, ": the ", item.question.empty() ? "question" : "context",
         " is empty");
  }
  EncodeOptions options;
  options.return_words = true;
  Encoding whole = tokenizer.encode_pair(item.question, item.context, options);
  if (static_cast<int64_t>(whole.ids.size()) <= longest) {
    std::vector<Encoding> one;
    one.push_back(std::move(whole));
    return one;
  }
  const auto context = std::count(whole.sequence_ids.begin(), whole.sequence_ids.end(), int8_t{1});
  const int64_t room = longest - (static_cast<int64_t>(whole.ids.size()) - context);
  if (room < 1) {
    fail(ErrorCode::kInput, "[answer] ", name, ": its question has ",
         std::count(whole.sequence_ids.begin(), whole.sequence_ids.end(), int8_t{0}), " tokens, which of ",
         longest, " leaves none for the context; shorten it");
  }
  options.truncation = TruncationStrategy::kOnlySecond;
  options.max_length = longest;
  options.stride = stride < room ? stride : room / 2;
  options.return_overflowing = true;
  Encoding first = tokenizer.encode_pair(item.question, item.context, options);
  std::vector<Encoding> windows = std::move(first.overflowing);
  windows.insert(windows.begin(), std::move(first));
  return windows;
}

}  // namespace

std::vector<std::vector<Answer>> answer(Model& model, std::span<const QuestionContext> questions,
                                        const AnswerOptions& options) {
  require_task(model, "question-answering", "answer");
  check(options);
  const int64_t longest = std::min(options.max_length, model.info().max_length);
  const int64_t stride = std::min(options.stride, longest / 2);
  const auto windows = make_all(questions.size(), model.threads(), [&](size_t i) {
    return windows_of(model.tokenizer(), questions[i], questions.size() == 1 ? "the row" : concat("row ", i),
                      longest, stride);
  });
  std::vector<Model::Ids> sequences;
  std::vector<size_t> rows{0};  // of the logits, where each window begins
  for (const std::vector<Encoding>& of_one : windows) {
    for (const Encoding& window : of_one) {
      sequences.push_back(window.ids);
      rows.push_back(rows.back() + window.ids.size());
    }
  }
  const Matrix logits = model.span_logits(sequences);
  std::vector<size_t> first{0};  // window of each question
  for (const auto& of_one : windows) first.push_back(first.back() + of_one.size());
  return make_all(questions.size(), model.threads(), [&](size_t i) {
    std::vector<SpanWindow> spans;
    for (size_t w = 0; w < windows[i].size(); ++w) {
      const size_t at = first[i] + w;
      spans.push_back(
          {&windows[i][w], std::span(logits.data).subspan(2 * rows[at], 2 * (rows[at + 1] - rows[at]))});
    }
    return span_answers(CodePoints(questions[i].context), spans, options);
  });
}

}  // namespace roberta
