#pragma once
// The transformers pipelines over HTTP, in the body of Hugging Face's inference API:
// {"inputs": ..., "parameters": {...}, "options": {...}, "model": "NAME"}.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "io/json/json.h"
#include "server/core/request_context.h"

namespace roberta::server {

struct TaskHandler;

/// Borrows the JSON of the request.
struct PipelineRequest {
  const Json* inputs = nullptr;
  const Json* parameters = nullptr;  ///< null: none given
  std::string model;                 ///< "" = the default model, or the first that can do the task
};

/// HttpError 422 for a body without "inputs" or with unknown members.
PipelineRequest read_pipeline_request(const Json& body);
/// "parameters" as an object (empty when absent). HttpError 422 names an unknown one, and the nearest known.
const Json& pipeline_parameters(const PipelineRequest& request, const TaskHandler& task,
                                std::initializer_list<std::string_view> known);
/// The model that a pipeline runs on. HttpError 424 when it can't do the task.
const ServedModel& pipeline_model(RequestContext& context, const PipelineRequest& request,
                                  const TaskHandler& task);
/// A string member that is one of `choices`, in any case; `fallback` when absent.
std::string choice_of(const Json& parameters, std::string_view name, std::string_view fallback,
                      std::initializer_list<std::string_view> choices);

constexpr int64_t kMaxTopK = 100'000;  ///< of the pipelines

/// "[a,b]" for a list of inputs, "a" for a single one. `append(out, i)` writes one prediction.
template <class Append>
std::string join_predictions(size_t count, bool list, const Append& append) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (list) out += i ? ',' : '[';
    append(out, i);
  }
  return list ? out += ']' : out;
}

}  // namespace roberta::server
