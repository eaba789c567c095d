// KServe: the models themselves. Triton's repository (index, load, unload) and statistics; V1.

#include <chrono>

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

/// The object of a body that may be absent.
Json optional_body(const Exchange& exchange) {
  if (exchange.request.body.empty()) return Json::object();
  Json body = parse_body(exchange.request);
  if (!body.is_object()) throw HttpError(400, ErrorType::kValidation, "the body must be an object");
  return body;
}

void need_control(const Exchange& exchange) {
  if (!exchange.options.model_control)
    throw HttpError(
        403, ErrorType::kOther,
        "models are not loaded and unloaded over HTTP here; start the server with --model-control");
}

int64_t start_second() {
  static const auto start = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(start).count();
}

/// What OpenAI's clients and KServe's look for, in one object.
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

HttpResponse repository_index(Exchange& exchange) {
  const bool only_ready = boolean(optional_body(exchange), "ready", false);
  std::string out = "[";
  for (const ModelStatus& status : exchange.registry.list()) {
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

HttpResponse repository_load(Exchange& exchange) {
  need_control(exchange);
  const std::string& name = exchange.path_parameters.at("model");
  const Json body = optional_body(exchange);
  std::string directory;
  if (const Json* parameters = find_member(body, "parameters"))
    directory = text_member(*parameters, "model_directory", "");
  bool known = false;
  exchange.registry.find(name, &known);
  if (!known && directory.empty())
    throw HttpError(404, ErrorType::kOther,
                    "there is no model '" + printable(name, 100) +
                        "' here; parameters.model_directory says where a new one is");
  exchange.registry.load(name, directory);
  return json_response("{}");
}

HttpResponse repository_unload(Exchange& exchange) {
  need_control(exchange);
  exchange.registry.unload(exchange.path_parameters.at("model"));
  return json_response("{}");
}

HttpResponse model_statistics(Exchange& exchange) {
  const ServedModel& served = model_of_path(exchange);
  return json_response("{\"model_stats\":[" + statistics_json(served.name, served.version) + "]}");
}

HttpResponse all_statistics(Exchange& exchange) {
  std::string out = "{\"model_stats\":[";
  for (const ModelStatus& status : exchange.registry.list()) {
    if (!status.ready) continue;
    if (out.back() != '[') out += ',';
    out += statistics_json(status.name, status.ready->version);
  }
  return json_response(out += "]}");
}

/// {"models": [names]} is KServe's, {"object", "data"} OpenAI's: one list for the clients of both.
HttpResponse v1_models(Exchange& exchange) {
  std::string names, data;
  for (const ModelStatus& status : exchange.registry.list()) {
    if (!names.empty()) names += ',', data += ',';
    append_json_string(names, status.name);
    append_model(data, status);
  }
  return json_response("{\"models\":[" + names + "],\"object\":\"list\",\"data\":[" + data + "]}");
}

HttpResponse v1_model(Exchange& exchange) {
  const std::string& name = exchange.path_parameters.at("model");
  for (const ModelStatus& status : exchange.registry.list()) {
    if (status.name != name) continue;
    HttpResponse response;
    append_model(response.body, status);
    if (!status.ready) response.status = 503;
    return response;
  }
  throw HttpError(404, ErrorType::kOther, "there is no model '" + printable(name, 100) + "' here");
}

HttpResponse v1_predict(Exchange& exchange) {
  const ServedModel& served = model_of_path(exchange);
  try {
    const Json body = parse_body(exchange.request);
    const Json& instances = need_member(body, "instances");
    if (!instances.is_array())
      throw HttpError(400, ErrorType::kValidation, "`instances` must be a list: {\"instances\": [\"...\"]}");
    const TaskRequest request =
        read_task(served.shared->info(), instances, "instances", find_member(body, "parameters"));
    std::string out = "{\"predictions\":" + join(run_task(exchange, served, request), false) + "}";
    count_success(served.name, exchange.scope->costs, RequestScope::Clock::now() - exchange.begun,
                  exchange.inputs);
    return json_response(std::move(out));
  } catch (...) {
    count_failure(served.name, RequestScope::Clock::now() - exchange.begun);
    throw;
  }
}

}  // namespace roberta::server
