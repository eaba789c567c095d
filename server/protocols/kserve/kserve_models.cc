// KServe: the models. Triton's repository (index, load, unload) and statistics; V1.

#include <chrono>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "server/core/json_body.h"
#include "server/core/model_statistics.h"
#include "server/protocols/kserve/kserve.h"
#include "server/tasks/main_task.h"

namespace roberta::server {
namespace {

const char* name_of(const ModelStatus& status) {
  if (status.ready) return "READY";
  return status.state == ModelState::kLoading ? "LOADING" : "UNAVAILABLE";
}

/// An empty object for an absent body.
Json optional_body(const RequestContext& context) {
  if (context.request.body.empty()) return Json::object();
  Json body = parse_body(context.request);
  if (!body.is_object()) throw HttpError(400, ErrorType::kValidation, "the body must be an object");
  return body;
}

void require_model_control(const RequestContext& context) {
  if (!context.options.model_control)
    throw HttpError(
        403, ErrorType::kOther,
        "loading and unloading models over HTTP is disabled; start the server with --model-control");
}

int64_t start_second() {
  static const auto start = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(start).count();
}

/// One object with the members that OpenAI's clients and KServe's expect.
void append_model(std::string& out, const ModelStatus& status) {
  out += "{\"id\":";
  append_json_string(out, status.name);
  out += ",\"object\":\"model\",\"created\":";
  append_number(out, start_second());
  out += ",\"owned_by\":\"roberta\",\"name\":";
  append_json_string(out, status.name);
  out += status.ready ? ",\"ready\":true}" : ",\"ready\":false}";
}

}  // namespace

HttpResponse repository_index(RequestContext& context) {
  const bool only_ready = boolean(optional_body(context), "ready", false);
  std::string out = "[";
  for (const ModelStatus& status : context.registry.list()) {
    if (only_ready && !status.ready) continue;
    if (out.size() > 1) out += ',';
    out += "{\"name\":";
    append_json_string(out, status.name);
    if (status.ready) out += ",\"version\":\"" + std::to_string(status.ready->version) + "\"";
    out += std::string(",\"state\":\"") + name_of(status) + "\",\"reason\":";
    append_json_string(out, printable(status.reason, 500));
    out += '}';
  }
  return json_response(out += ']');
}

HttpResponse repository_load(RequestContext& context) {
  require_model_control(context);
  const std::string& name = context.path_parameters.at("model");
  const Json body = optional_body(context);
  std::string directory;
  if (const Json* parameters = find_member(body, "parameters"))
    directory = text_member(*parameters, "model_directory", "");
  bool known = false;
  context.registry.find(name, &known);
  if (!known && directory.empty())
    throw HttpError(
        404, ErrorType::kOther,
        "model '" + printable(name, 100) + "' not found; set `parameters.model_directory` to load a new one");
  context.registry.load(name, directory);
  return json_response("{}");
}

HttpResponse repository_unload(RequestContext& context) {
  require_model_control(context);
  context.registry.unload(context.path_parameters.at("model"));
  return json_response("{}");
}

HttpResponse model_statistics(RequestContext& context) {
  const ServedModel& served = model_of_path(context);
  return json_response("{\"model_stats\":[" + statistics_json(served.name, served.version) + "]}");
}

HttpResponse all_statistics(RequestContext& context) {
  std::string out = "{\"model_stats\":[";
  for (const ModelStatus& status : context.registry.list()) {
    if (!status.ready) continue;
    if (out.back() != '[') out += ',';
    out += statistics_json(status.name, status.ready->version);
  }
  return json_response(out += "]}");
}

/// {"models": [names]} is KServe's, {"object", "data"} OpenAI's: one list for the clients of both.
HttpResponse v1_models(RequestContext& context) {
  std::string names, data;
  for (const ModelStatus& status : context.registry.list()) {
    if (!names.empty()) names += ',', data += ',';
    append_json_string(names, status.name);
    append_model(data, status);
  }
  return json_response("{\"models\":[" + names + "],\"object\":\"list\",\"data\":[" + data + "]}");
}

HttpResponse v1_model(RequestContext& context) {
  const std::string& name = context.path_parameters.at("model");
  for (const ModelStatus& status : context.registry.list()) {
    if (status.name != name) continue;
    HttpResponse response;
    append_model(response.body, status);
    if (!status.ready) response.status = 503;
    return response;
  }
  throw HttpError(404, ErrorType::kOther, "model '" + printable(name, 100) + "' not found");
}

HttpResponse v1_predict(RequestContext& context) {
  const ServedModel& served = model_of_path(context);
  try {
    const Json body = parse_body(context.request);
    const Json& instances = required_member(body, "instances");
    if (!instances.is_array())
      throw HttpError(400, ErrorType::kValidation, "`instances` must be a list such as [\"...\"]");
    const TaskRequest request =
        read_task(served.shared->info(), instances, "instances", find_member(body, "parameters"));
    std::string out = "{\"predictions\":" + join(run_task(context, served, request), false) + "}";
    count_success(served.name, context.scope->costs, RequestScope::Clock::now() - context.received,
                  context.inputs);
    return json_response(std::move(out));
  } catch (...) {
    count_failure(served.name, RequestScope::Clock::now() - context.received);
    throw;
  }
}

}  // namespace roberta::server
