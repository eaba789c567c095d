// The Open Inference Protocol (KServe V2) over HTTP, with Triton's extensions for binary tensors, the model
// repository and statistics; and KServe V1.

#include "core/strings.h"
#include "io/json/json_text.h"
#include "server/core/model_statistics.h"
#include "server/core/route.h"
#include "server/protocols/kserve/kserve.h"
#include "server/protocols/kserve/kserve_infer.h"

namespace roberta::server {
namespace {

HttpResponse server_metadata(RequestContext&) {
  return json_response("{\"name\":\"roberta\",\"version\":\"" ROBERTA_VERSION
                       "\",\"extensions\":[\"binary_tensor_data\",\"model_repository\",\"statistics\"]}");
}

HttpResponse live(RequestContext&) { return json_response("{\"live\":true}"); }

HttpResponse ready(RequestContext& context) {
  const bool ready = context.registry.ready() && !context.draining;
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

HttpResponse model_metadata(RequestContext& context) {
  const ServedModel& served = model_of_path(context);
  std::string out = "{\"name\":";
  append_json_string(out, served.name);
  out += ",\"versions\":[\"" + std::to_string(served.version) + "\"],\"platform\":\"roberta_safetensors\"";
  const ModelTensors tensors = tensors_of(served.shared->info());
  append_tensors(out, "inputs", tensors.inputs);
  append_tensors(out, "outputs", tensors.outputs);
  return json_response(out += '}');
}

HttpResponse model_ready(RequestContext& context) {
  const std::string& name = context.path_parameters.at("model");
  bool known = false;
  const std::shared_ptr<const ServedModel> found = context.registry.find(name, &known);
  if (!known || found) model_of_path(context);  // 404 for another version
  std::string out = "{\"name\":";
  append_json_string(out, name);
  out += found ? ",\"ready\":true}" : ",\"ready\":false}";
  HttpResponse response = json_response(std::move(out));
  if (!found) response.status = 503;
  return response;
}

HttpResponse model_infer(RequestContext& context) {
  const ServedModel& served = model_of_path(context);
  try {
    const InferRequest request = parse_infer(context.request);
    HttpResponse response =
        infer_response(request, served.name, served.version, infer(context, served, request));
    count_success(served.name, context.scope->costs, RequestScope::Clock::now() - context.received,
                  context.inputs);
    return response;
  } catch (...) {
    count_failure(served.name, RequestScope::Clock::now() - context.received);
    throw;
  }
}

constexpr Protocol kProtocol{"kserve", kserve_error};
constexpr Route kRoutes[] = {
    {"GET", "/v2", Executor::kInline, server_metadata, false, "v2_server", false},
    {"GET", "/v2/", Executor::kInline, server_metadata, false, "", false},
    {"GET", "/v2/health/live", Executor::kInline, live, true, "v2_live", false},
    {"GET", "/v2/health/ready", Executor::kInline, ready, true, "v2_ready", false},
    {"GET", "/v2/models/{model}", Executor::kInline, model_metadata, false, "v2_model", false},
    {"GET", "/v2/models/{model}/ready", Executor::kInline, model_ready, true, "v2_model_ready", false},
    {"POST", "/v2/models/{model}/infer", Executor::kWorker, model_infer, false, "v2_infer"},
    {"GET", "/v2/models/{model}/versions/{version}", Executor::kInline, model_metadata, false, "", false},
    {"GET", "/v2/models/{model}/versions/{version}/ready", Executor::kInline, model_ready, true, "", false},
    {"POST", "/v2/models/{model}/versions/{version}/infer", Executor::kWorker, model_infer, false, ""},
    {"GET", "/v2/models/stats", Executor::kInline, all_statistics, false, "v2_stats", false},
    {"GET", "/v2/models/{model}/stats", Executor::kInline, model_statistics, false, "v2_model_stats", false},
    {"GET", "/v2/models/{model}/versions/{version}/stats", Executor::kInline, model_statistics, false, "",
     false},
    {"POST", "/v2/repository/index", Executor::kInline, repository_index, false, "v2_repository_index",
     false},
    {"POST", "/v2/repository/models/{model}/load", Executor::kWorker, repository_load, false, "v2_load",
     false},
    {"POST", "/v2/repository/models/{model}/unload", Executor::kWorker, repository_unload, false, "v2_unload",
     false},
    {"GET", "/v1/models", Executor::kInline, v1_models, false, "v1_models", false},
    {"GET", "/v1/models/{model}", Executor::kInline, v1_model, false, "v1_model", false},
    {"POST", "/v1/models/{model}:predict", Executor::kWorker, v1_predict, false, "v1_predict"},
};

}  // namespace

HttpResponse kserve_error(const RequestContext&, const ErrorResponse& error) {
  HttpResponse response;
  response.status = error.bad_input || error.status == 424 ? 400 : error.status;
  response.body = "{\"error\":";
  append_json_string(response.body, error.message);
  response.body += '}';
  return response;
}

const ServedModel& model_of_path(RequestContext& context) {
  const ServedModel& served = context.use_model(context.path_parameters.at("model"));
  const auto version = context.path_parameters.find("version");
  if (version != context.path_parameters.end() && version->second != std::to_string(served.version))
    throw HttpError(404, ErrorType::kOther,
                    "model '" + served.name + "' has no version '" + printable(version->second, 20) +
                        "'; version " + std::to_string(served.version) + " is served");
  return served;
}

RouteTable kserve_routes() { return {kProtocol, kRoutes}; }

}  // namespace roberta::server
