#include "server/tasks/pipelines.h"

#include <algorithm>

#include "core/nearest.h"
#include "core/strings.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

std::string list_of(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

void check_members(const Json& object, const std::string& what,
                   std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string nearest = did_you_mean(name, names);
    reject("unknown " + what + " `" + printable(name, 60) + "`" +
           (nearest.empty() ? "; expected one of " + list_of(known) : nearest));
  }
}

}  // namespace

PipelineRequest read_pipeline_request(const Json& body) {
  const Json& inputs = required_member(body, "inputs");  // first: it reports a body that is not an object
  check_members(body, "member", {"inputs", "parameters", "options", "model"});
  const Json* options = find_member(body, "options");
  if (options && !options->is_object()) reject("`options` must be an object");
  return {&inputs, find_member(body, "parameters"), text_member(body, "model", "")};
}

const Json& pipeline_parameters(const PipelineRequest& request, const TaskHandler& task,
                                std::initializer_list<std::string_view> known) {
  static const Json kNone = Json::object();
  if (!request.parameters) return kNone;
  if (!request.parameters->is_object()) reject("`parameters` must be an object");
  check_members(*request.parameters, "parameter of " + std::string(task.name()), known);
  return *request.parameters;
}

const ServedModel& pipeline_model(RequestContext& context, const PipelineRequest& request,
                                  const TaskHandler& task) {
  const ServedModel& served = choose_model(context, request.model, task.fits);
  const ModelInfo& info = served.shared->info();
  if (task.fits(info)) return served;
  throw HttpError(424, ErrorType::kBackend,
                  "model '" + served.name + "' can't do " + std::string(task.name()) + ": it is " +
                      (info.task.empty() ? "an encoder without a head" : "a " + info.task + " model") + " (" +
                      info.architecture + ")");
}

std::string choice_of(const Json& parameters, std::string_view name, std::string_view fallback,
                      std::initializer_list<std::string_view> choices) {
  std::string word = lower(text_member(parameters, name, std::string(fallback)));
  if (std::find(choices.begin(), choices.end(), word) == choices.end())
    reject("`" + std::string(name) + "` must be one of " + list_of(choices));
  return word;
}

}  // namespace roberta::server
