// Doors of hosting platforms to the main task of the default model: POST / and /invocations of Amazon
// SageMaker and of MLflow's scoring server, /vertex of Google's Vertex AI.

#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/main_task.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

/// MLflow's members and those of text-embeddings-inference: clients of either find theirs.
HttpResponse platform_error(const Exchange& exchange, const Refusal& refusal) {
  HttpResponse response;
  response.status = refusal.bad_input && exchange.request.path == "/invocations" ? 400 : refusal.status;
  const char* code = response.status >= 500   ? "INTERNAL_ERROR"
                     : response.status == 404 ? "RESOURCE_DOES_NOT_EXIST"
                     : response.status == 429 ? "REQUEST_LIMIT_EXCEEDED"
                                              : "BAD_REQUEST";
  response.body = std::string("{\"error_code\":\"") + code + "\",\"message\":";
  append_json_string(response.body, refusal.message);
  response.body += ",\"error\":";
  append_json_string(response.body, refusal.message);
  response.body += ",\"error_type\":";
  append_json_string(response.body, type_name_of(refusal));
  response.body += '}';
  return response;
}

HttpResponse reply(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

bool is_tei_task(const ModelInfo& info) { return info.task.empty() || info.task == "text-classification"; }

/// What TEI answers where the model does what TEI does; else the pipeline of the model's task.
std::string main_answer(Exchange& exchange, const Json& body) {
  const Json* name = find_member(body, "model");
  const ServedModel& served = exchange.use_model(name ? need_string(*name, "model") : std::string());
  const ModelInfo& info = served.shared->info();
  if (body.contains("query") || body.contains("texts")) return main_reply(exchange, body);
  const std::string pipeline = pipeline_of(info, body);
  if (is_tei_task(info) && pipeline != "zero-shot-classification") return main_reply(exchange, body);
  return pipeline_reply(exchange, pipeline, body);
}

HttpResponse root(Exchange& exchange) { return reply(main_answer(exchange, parse_body(exchange.request))); }

std::string predictions(Exchange& exchange, const Json& inputs, std::string_view field,
                        const Json* parameters) {
  const ServedModel& served = exchange.use_model();
  const TaskRequest request = read_task(served.shared->info(), inputs, field, parameters);
  return "{\"predictions\":" + join(run_task(exchange, served, request), request.single) + "}";
}

/// MLflow's forms answer {"predictions"}. A bare {"inputs"} is MLflow's too, but of the tasks that
/// SageMaker's users know from TEI (embeddings, classification); and with "parameters" it is the pipelines'.
HttpResponse invocations(Exchange& exchange) {
  const Json body = parse_body(exchange.request);
  const Json* params = find_member(body, "params");
  for (const char* name : {"dataframe_split", "dataframe_records", "instances"}) {
    if (const Json* inputs = find_member(body, name))
      return reply(predictions(exchange, *inputs, name, params));
  }
  const Json* inputs = find_member(body, "inputs");
  const bool pipeline = find_member(body, "parameters") != nullptr || !inputs;
  if (!pipeline && (params || !is_tei_task(exchange.use_model().shared->info())))
    return reply(predictions(exchange, *inputs, "inputs", params));
  return reply(main_answer(exchange, body));
}

/// {"instances": [{"inputs": "text"}, ...]} -> {"predictions": [what POST / answers to each, ...]}
HttpResponse vertex(Exchange& exchange) {
  const Json body = parse_body(exchange.request);
  const Json& instances = need_member(body, "instances");
  if (!instances.is_array())
    throw HttpError(422, ErrorType::kValidation,
                    "`instances` must be a list of objects: [{\"inputs\": \"...\"}]");
  if (instances.empty() || instances.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
    count_inputs(exchange, instances.size(), 1, "instances");
  std::string out = "{\"predictions\":[";
  for (const Json& instance : instances) {
    if (&instance != &instances.front()) out += ',';
    const Json one = instance.is_string() ? Json{{"inputs", instance}} : instance;
    out += main_answer(exchange, one);
  }
  return reply(out += "]}");
}

constexpr Dialect kDialect{"platforms", platform_error};
constexpr Route kRoutes[] = {
    {"POST", "/", Where::kWorker, root, false, "main_task"},
    {"POST", "/invocations", Where::kWorker, invocations, false, "invocations"},
    {"POST", "/vertex", Where::kWorker, vertex, false, "vertex"},
};

}  // namespace

RouteTable platform_routes() { return {kDialect, kRoutes}; }

}  // namespace roberta::server
