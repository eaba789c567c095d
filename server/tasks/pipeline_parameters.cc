#include <algorithm>

#include "core/nearest.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

std::string list_of(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

void need_known(const Json& object, const std::string& what, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string nearest = did_you_mean(name, names);
    refuse("unknown " + what + " `" + printable(name, 60) + "`" +
           (nearest.empty() ? "; there are " + list_of(known) : nearest));
  }
}

}  // namespace

const Json& pipeline_inputs(const Json& body) {
  const Json& inputs = need_member(body, "inputs");  // first: it says when the body is no object
  need_known(body, "member", {"inputs", "parameters", "options", "model"});
  const Json* options = find_member(body, "options");
  if (options && !options->is_object()) refuse("`options` must be an object");
  return inputs;
}

const Json& pipeline_parameters(const Json& body, std::string_view task,
                                std::initializer_list<std::string_view> known) {
  static const Json kNone = Json::object();
  const Json* parameters = find_member(body, "parameters");
  if (!parameters) return kNone;
  if (!parameters->is_object()) refuse("`parameters` must be an object");
  need_known(*parameters, "parameter of " + std::string(task), known);
  return *parameters;
}

const ServedModel& pipeline_model(Exchange& exchange, const Json& body, std::string_view task,
                                  bool (*fits)(const ModelInfo&)) {
  const ServedModel& served = choose_model(exchange, text_member(body, "model", ""), fits);
  const ModelInfo& info = served.shared->info();
  if (fits(info)) return served;
  throw HttpError(424, ErrorType::kBackend,
                  "model '" + served.name + "' can't do " + std::string(task) + ": it is " +
                      (info.task.empty() ? "an encoder without a head" : "a " + info.task + " model") + " (" +
                      info.architecture + ")");
}

std::string word_of(const Json& parameters, std::string_view name, std::string_view fallback,
                    std::initializer_list<std::string_view> words) {
  std::string word = text_member(parameters, name, std::string(fallback));
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (std::find(words.begin(), words.end(), word) == words.end())
    refuse("`" + std::string(name) + "` must be one of " + list_of(words));
  return word;
}

}  // namespace roberta::server
