#pragma once
// The transformers pipelines over HTTP, in the body of Hugging Face's inference API:
// {"inputs": ..., "parameters": {...}, "options": {...}, "model": "one of several"}.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "io/json/json.h"
#include "roberta/pipeline.h"
#include "server/core/exchange.h"

namespace roberta::server {

/// What the pipeline of that task returns. Each refuses parameters that it doesn't know.
std::string fill_mask_reply(Exchange& exchange, const Json& body);
std::string text_classification_reply(Exchange& exchange, const Json& body);
std::string token_classification_reply(Exchange& exchange, const Json& body);
std::string question_answering_reply(Exchange& exchange, const Json& body);
std::string zero_shot_reply(Exchange& exchange, const Json& body);
std::string feature_extraction_reply(Exchange& exchange, const Json& body);

/// The reply of a task by any of its names ("ner" is "token-classification"); HttpError 404 for others.
std::string pipeline_reply(Exchange& exchange, std::string_view task, const Json& body);

/// Most that a request of fill-mask may ask for, so that a short body can't order an answer of gigabytes:
/// masks x candidates x length of the text, and masks x targets. 422 beyond.
void limit_fill_mask(const ServedModel& served, std::span<const std::string> texts,
                     const FillMaskOptions& options, bool joint);

// For the files of the pipelines.

/// "inputs" of a request whose other members are known ones.
const Json& pipeline_inputs(const Json& body);
/// "parameters" (an empty object when absent), each of a known name; else 422 with the nearest one.
const Json& pipeline_parameters(const Json& body, std::string_view task,
                                std::initializer_list<std::string_view> known);
/// The model that a pipeline runs on; 424 when it is of another task.
const ServedModel& pipeline_model(Exchange& exchange, const Json& body, std::string_view task,
                                  bool (*fits)(const ModelInfo&));
/// A member that is one of some words, in any case; `fallback` when absent.
std::string word_of(const Json& parameters, std::string_view name, std::string_view fallback,
                    std::initializer_list<std::string_view> words);
constexpr int64_t kMostAnswers = 100'000;  ///< of top_k and its like

/// "[a,b]" of a list of inputs; of a single one the answer alone. `append(out, i)` writes one.
template <class Append>
std::string join_replies(size_t count, bool list, const Append& append) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (list) out += i ? ',' : '[';
    append(out, i);
  }
  return list ? out += ']' : out;
}

}  // namespace roberta::server
