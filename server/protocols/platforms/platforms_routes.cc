// The routes of hosting platforms to the main task of the default model: POST / and /invocations of Amazon
// SageMaker and of MLflow's scoring server, /vertex of Google's Vertex AI.

#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/main_task.h"

namespace roberta::server {
namespace {

/// The members of MLflow and those of text-embeddings-inference, for the clients of both.
HttpResponse platform_error(const RequestContext& context, const ErrorResponse& error) {
  HttpResponse response;
  response.status = error.bad_input && context.request.path == "/invocations" ? 400 : error.status;
  const char* code = response.status >= 500   ? "INTERNAL_ERROR"
                     : response.status == 404 ? "RESOURCE_DOES_NOT_EXIST"
                     : response.status == 429 ? "REQUEST_LIMIT_EXCEEDED"
                                              : "BAD_REQUEST";
  response.body = std::string("{\"error_code\":\"") + code + "\",\"message\":";
  append_json_string(response.body, error.message);
  response.body += ",\"error\":";
  append_json_string(response.body, error.message);
  response.body += ",\"error_type\":";
  append_json_string(response.body, type_name_of(error));
  response.body += '}';
  return response;
}

bool is_tei_task(const ModelInfo& info) { return info.task.empty() || info.task == "text-classification"; }

/// TEI's response where the model does a task of TEI, otherwise that of the pipeline of the model's task.
std::string main_task_response(RequestContext& context, const Json& body) {
  const Json* name = find_member(body, "model");
  const ServedModel& served = context.use_model(name ? required_string(*name, "model") : std::string());
  const ModelInfo& info = served.shared->info();
  if (body.contains("query") || body.contains("texts")) return main_response(context, body);
  const TaskHandler& task = pipeline_for(info, find_member(body, "parameters"));
  if (is_tei_task(info) && task.kind != TaskKind::kZeroShotClassification)
    return main_response(context, body);
  return task.pipeline(context, read_pipeline_request(body));
}

HttpResponse root(RequestContext& context) {
  return json_response(main_task_response(context, parse_body(context.request)));
}

std::string predictions(RequestContext& context, const Json& inputs, std::string_view field,
                        const Json* parameters) {
  const ServedModel& served = context.use_model();
  const TaskRequest request = read_task(served.shared->info(), inputs, field, parameters);
  return "{\"predictions\":" + join(run_task(context, served, request), request.single) + "}";
}

/// The response to MLflow's forms is {"predictions"}. A bare {"inputs"} is MLflow's too, except for the tasks
/// that SageMaker's users know from TEI (embeddings, classification); with "parameters" it is the pipelines'.
HttpResponse invocations(RequestContext& context) {
  const Json body = parse_body(context.request);
  const Json* params = find_member(body, "params");
  for (const char* name : {"dataframe_split", "dataframe_records", "instances"}) {
    if (const Json* inputs = find_member(body, name))
      return json_response(predictions(context, *inputs, name, params));
  }
  const Json* inputs = find_member(body, "inputs");
  const bool pipeline = find_member(body, "parameters") != nullptr || !inputs;
  if (!pipeline && (params || !is_tei_task(context.use_model().shared->info())))
    return json_response(predictions(context, *inputs, "inputs", params));
  return json_response(main_task_response(context, body));
}

/// {"instances": [{"inputs": "text"}, ...]} -> {"predictions": [the response of POST / to each, ...]}
HttpResponse vertex(RequestContext& context) {
  const Json body = parse_body(context.request);
  const Json& instances = required_member(body, "instances");
  if (!instances.is_array())
    throw HttpError(422, ErrorType::kValidation,
                    "`instances` must be a list of objects such as [{\"inputs\": \"...\"}]");
  if (instances.empty() || instances.size() > static_cast<size_t>(context.options.max_client_batch_size))
    count_inputs(context, instances.size(), 1, "instances");
  std::string out = "{\"predictions\":[";
  for (const Json& instance : instances) {
    if (&instance != &instances.front()) out += ',';
    if (instance.is_string())
      out += main_task_response(context, Json{{"inputs", instance}});
    else
      out += main_task_response(context, instance);
  }
  return json_response(out += "]}");
}

constexpr Protocol kProtocol{"platforms", platform_error};
constexpr Route kRoutes[] = {
    {"POST", "/", Executor::kWorker, root, false, "main_task"},
    {"POST", "/invocations", Executor::kWorker, invocations, false, "invocations"},
    {"POST", "/vertex", Executor::kWorker, vertex, false, "vertex"},
};

}  // namespace

RouteTable platform_routes() { return {kProtocol, kRoutes}; }

}  // namespace roberta::server
