// Azure ML's online endpoint: GET /, /score and /swagger.json with the responses of
// azureml-inference-server-http and of the scoring script of MLflow models; errors are {"message"}.

#include <algorithm>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/azure/azure_swagger.h"
#include "server/tasks/main_task.h"

namespace roberta::server {
namespace {

HttpResponse azure_error(const RequestContext& context, const ErrorResponse& error) {
  HttpResponse response;
  std::string message = error.message;
  response.status = error.bad_input ? 400 : error.status;
  if (response.status == 504) {
    message = "Scoring timeout after " + std::to_string(context.options.request_timeout.count()) + " ms";
    response.status = 500;
  } else if (response.status == 424) {
    response.status = 500;  // the platform in front of the server uses 424 for any failure
  }
  response.body = "{\"message\":";
  append_json_string(response.body, message);
  response.body += '}';
  if (context.request.path == "/score")
    response.headers.emplace_back("x-ms-run-function-failed", response.status >= 500 ? "True" : "False");
  return response;
}

/// Azure's liveness and readiness probe. Its own server opens the port once the model is loaded, and the
/// nginx in front of it responds 502 until then, so a 503 while loading is what the probe expects. While
/// draining it is 503 too: no new requests are sent here, and the accepted ones are finished.
HttpResponse health(RequestContext& context) {
  if (context.draining) throw HttpError(503, ErrorType::kUnhealthy, "the server is stopping");
  if (!context.registry.ready()) throw HttpError(503, ErrorType::kUnhealthy, "the model is loading");
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "Healthy";
  return response;
}

/// The shape of the response follows from the members of the body.
enum class Shape : uint8_t {
  kPlain,     ///< "input_data", "data": a list with the best prediction of each
  kRecords,   ///< "inputs" with columns of texts, the older form: [{"0": prediction}, ...]
  kPipeline,  ///< other "inputs": as the transformers pipeline
};
struct Envelope {
  Shape shape = Shape::kPlain;
  const Json* inputs = nullptr;
  std::string_view field;
  const Json* parameters = nullptr;
};

/// {"input_string": ["..."]}, or other columns of texts.
bool has_columns(const Json& inputs) {
  if (!inputs.is_object() || inputs.empty() || inputs.contains("candidate_labels")) return false;
  if (inputs.contains("columns") && inputs.contains("data")) return false;
  if (inputs.contains("input_string")) return true;
  return std::all_of(inputs.begin(), inputs.end(), [](const Json& member) { return member.is_array(); });
}

Envelope open_envelope(const Json& body) {
  if (body.is_string() || body.is_array()) return {Shape::kPlain, &body, "body", nullptr};
  if (!body.is_object())
    throw HttpError(400, ErrorType::kValidation,
                    "the body must be an object such as {\"input_data\": [\"...\"]}");
  Envelope out;
  const Json* params = find_member(body, "params");
  out.parameters = params ? params : find_member(body, "parameters");
  if ((out.inputs = find_member(body, "input_data"))) {
    out.field = "input_data";
  } else if ((out.inputs = find_member(body, "inputs"))) {
    out.field = "inputs";
    out.shape = has_columns(*out.inputs) ? Shape::kRecords : Shape::kPipeline;
  } else if ((out.inputs = find_member(body, "data"))) {
    out.field = "data";
  } else {
    throw HttpError(
        400, ErrorType::kValidation,
        "the body must have `input_data`, `inputs` or `data`, such as {\"input_data\": [\"...\"]}");
  }
  return out;
}

std::string records(const TaskPredictions& predictions) {
  std::string out = "[";
  for (const TaskPrediction& item : predictions.items) {
    if (out.size() > 1) out += ',';
    if (item.is_object)
      out += item.json;  // is a record already
    else
      (out += "{\"0\":") += item.json + '}';
  }
  return out += ']';
}

/// The platform's header for choosing a deployment chooses a model, if one has that name. Otherwise it is the
/// name of the whole deployment.
const ServedModel& choose(RequestContext& context) {
  const std::string_view name = context.request.header("azureml-model-deployment");
  const bool known = !name.empty() && context.registry.find(name) != nullptr;
  return context.use_model(known ? name : std::string_view());
}

HttpResponse score(RequestContext& context, const Json& body) {
  const Envelope envelope = open_envelope(body);
  const ServedModel& served = choose(context);
  HttpResponse response;
  if (envelope.shape == Shape::kPipeline) {
    const TaskHandler& task = pipeline_for(served.shared->info(), envelope.parameters);
    response.body = task.pipeline(context, {envelope.inputs, envelope.parameters, served.name});
  } else {
    const TaskRequest request =
        read_task(served.shared->info(), *envelope.inputs, envelope.field, envelope.parameters);
    const TaskPredictions predictions = run_task(context, served, request);
    response.body =
        envelope.shape == Shape::kRecords ? records(predictions) : join(predictions, request.single);
  }
  response.headers.emplace_back("x-ms-run-function-failed", "False");
  return response;
}

HttpResponse post_score(RequestContext& context) { return score(context, parse_body(context.request)); }

/// JSON if it is valid JSON, otherwise the text itself.
Json value_of(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || std::string_view("[{\"").find(text[begin]) == std::string_view::npos) {
    if (text == "true" || text == "false") return text == "true";
    const bool digits =
        !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
    return digits ? Json(std::stoi(text)) : Json(text);
  }
  try {
    return parse_body(text);
  } catch (const HttpError&) {
    return text;
  }
}

/// ?input_data=TEXT, ?input_data=["a","b"] or ?input_data=a&input_data=b; parameters in the same way.
HttpResponse get_score(RequestContext& context) {
  Json body = Json::object();
  for (const char* name : {"input_data", "inputs", "data", "params", "parameters"}) {
    std::vector<Json> values;
    for (const std::string& value : context.request.parameters(name)) {
      if (!value.empty()) values.push_back(value_of(value));
    }
    if (values.size() == 1) body[name] = std::move(values[0]);
    if (values.size() > 1) body[name] = std::move(values);
  }
  return score(context, body);
}

HttpResponse score_options(RequestContext&) {
  HttpResponse response;
  response.headers.emplace_back("allow", "GET, HEAD, OPTIONS, POST");
  return response;
}

HttpResponse swagger(RequestContext& context) {
  std::string version = context.request.parameter("version");
  if (version.empty()) version = "2";
  const std::shared_ptr<const ServedModel> model = context.registry.find("");
  HttpResponse response;
  if (version == "2" || version == "2.0")
    response.body = azure_swagger(SwaggerVersion::k2, model.get());
  else if (version == "3" || version == "3.0")
    response.body = azure_swagger(SwaggerVersion::k3, model.get());
  else if (version == "3.1")
    response.body = azure_swagger(SwaggerVersion::k31, model.get());
  else
    throw HttpError(
        404, ErrorType::kOther,
        "Swagger version [" + printable(version, 40) + "] is not valid. Supported versions: [2, 3, 3.1].");
  return response;
}

constexpr Protocol kProtocol{"azure", azure_error};
constexpr Route kRoutes[] = {
    {"GET", "/", Executor::kInline, health, true, "azure_health", false},
    {"POST", "/score", Executor::kWorker, post_score, false, "score"},
    {"GET", "/score", Executor::kWorker, get_score, false, "score_get"},
    {"OPTIONS", "/score", Executor::kInline, score_options, true, "", false},
    {"GET", "/swagger.json", Executor::kInline, swagger, false, "swagger", false},
};

}  // namespace

RouteTable azure_routes() { return {kProtocol, kRoutes}; }

}  // namespace roberta::server
