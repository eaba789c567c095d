// The open inference protocol (KServe V2) over HTTP, with Triton's extensions for binary tensors, the model
// repository and statistics; and KServe V1.

#include "io/json/json_text.h"
#include "server/core/model_statistics.h"
#include "server/core/route.h"
#include "server/protocols/kserve/kserve.h"
#include "server/protocols/kserve/kserve_infer.h"

namespace roberta::server {
namespace {

HttpResponse server_metadata(Exchange&) {
  return json_response("{\"name\":\"roberta\",\"version\":\"" ROBERTA_VERSION
                       "\",\"extensions\":[\"binary_tensor_data\",\"model_repository\",\"statistics\"]}");
}

HttpResponse live(Exchange&) { return json_response("{\"live\":true}"); }

HttpResponse ready(Exchange& exchange) {
  const bool ready = exchange.registry.ready() && !exchange.draining;
  HttpResponse response =
      json_response(ready ? "{\"live\":true,\"ready\":true}" : "{\"live\":true,\"ready\":false}");
  if (!ready) response.status = 503;
  return response;
}

void append_tensors(std::string& out, const char* name, const std::vector<TensorInfo>& tensors) {
  out += std::string(",\"") + name + "\":[";
  for (const TensorInfo& tensor : tensors) {
    if (&tensor != tensors.data()) out += ',';
    out += "{\"name\":\"" + tensor.name + "\",\"datatype\":\"" + tensor.datatype + "\",\"shape\":[";
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      if (i) out += ',';
      append_number(out, tensor.shape[i]);
    }
    out += "]}";
  }
  out += ']';
}

HttpResponse model_metadata(Exchange& exchange) {
  const ServedModel& served = model_of_path(exchange);
  std::string out = "{\"name\":";
  append_json_string(out, served.name);
  out += ",\"versions\":[\"" + std::to_string(served.version) + "\"],\"platform\":\"roberta_safetensors\"";
  const ModelTensors tensors = tensors_of(served.shared->info());
  append_tensors(out, "inputs", tensors.inputs);
  append_tensors(out, "outputs", tensors.outputs);
  return json_response(out += '}');
}

HttpResponse model_ready(Exchange& exchange) {
  const std::string& name = exchange.path_parameters.at("model");
  bool known = false;
  const std::shared_ptr<const ServedModel> found = exchange.registry.find(name, &known);
  if (!known || found) model_of_path(exchange);  // 404 unless the version fits
  std::string out = "{\"name\":";
  append_json_string(out, name);
  out += found ? ",\"ready\":true}" : ",\"ready\":false}";
  HttpResponse response = json_response(std::move(out));
  if (!found) response.status = 503;
  return response;
}

HttpResponse model_infer(Exchange& exchange) {
  const ServedModel& served = model_of_path(exchange);
  try {
    const InferRequest request = parse_infer(exchange.request);
    HttpResponse response =
        infer_response(request, served.name, served.version, infer(exchange, served, request));
    count_success(served.name, exchange.scope->costs, RequestScope::Clock::now() - exchange.begun,
                  exchange.inputs);
    return response;
  } catch (...) {
    count_failure(served.name, RequestScope::Clock::now() - exchange.begun);
    throw;
  }
}

constexpr Dialect kDialect{"kserve", kserve_error};
constexpr Route kRoutes[] = {
    {"GET", "/v2", Where::kInline, server_metadata, false, "v2_server", false},
    {"GET", "/v2/", Where::kInline, server_metadata, false, "", false},
    {"GET", "/v2/health/live", Where::kInline, live, true, "v2_live", false},
    {"GET", "/v2/health/ready", Where::kInline, ready, true, "v2_ready", false},
    {"GET", "/v2/models/{model}", Where::kInline, model_metadata, false, "v2_model", false},
    {"GET", "/v2/models/{model}/ready", Where::kInline, model_ready, true, "v2_model_ready", false},
    {"POST", "/v2/models/{model}/infer", Where::kWorker, model_infer, false, "v2_infer"},
    {"GET", "/v2/models/{model}/versions/{version}", Where::kInline, model_metadata, false, "", false},
    {"GET", "/v2/models/{model}/versions/{version}/ready", Where::kInline, model_ready, true, "", false},
    {"POST", "/v2/models/{model}/versions/{version}/infer", Where::kWorker, model_infer, false, ""},
    {"GET", "/v2/models/stats", Where::kInline, all_statistics, false, "v2_stats", false},
    {"GET", "/v2/models/{model}/stats", Where::kInline, model_statistics, false, "v2_model_stats", false},
    {"GET", "/v2/models/{model}/versions/{version}/stats", Where::kInline, model_statistics, false, "",
     false},
    {"POST", "/v2/repository/index", Where::kInline, repository_index, false, "v2_repository_index", false},
    {"POST", "/v2/repository/models/{model}/load", Where::kWorker, repository_load, false, "v2_load", false},
    {"POST", "/v2/repository/models/{model}/unload", Where::kWorker, repository_unload, false, "v2_unload",
     false},
    {"GET", "/v1/models", Where::kInline, v1_models, false, "v1_models", false},
    {"GET", "/v1/models/{model}", Where::kInline, v1_model, false, "v1_model", false},
    {"POST", "/v1/models/{model}:predict", Where::kWorker, v1_predict, false, "v1_predict"},
};

}  // namespace

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

HttpResponse kserve_error(const Exchange&, const Refusal& refusal) {
  HttpResponse response;
  response.status = refusal.bad_input || refusal.status == 424 ? 400 : refusal.status;
  response.body = "{\"error\":";
  append_json_string(response.body, refusal.message);
  response.body += '}';
  return response;
}

const ServedModel& model_of_path(Exchange& exchange) {
  const ServedModel& served = exchange.use_model(exchange.path_parameters.at("model"));
  const auto version = exchange.path_parameters.find("version");
  if (version != exchange.path_parameters.end() && version->second != std::to_string(served.version))
    throw HttpError(404, ErrorType::kOther,
                    "model '" + served.name + "' has no version '" + printable(version->second, 20) +
                        "'; version " + std::to_string(served.version) + " is served");
  return served;
}

RouteTable kserve_routes() { return {kDialect, kRoutes}; }

}  // namespace roberta::server
