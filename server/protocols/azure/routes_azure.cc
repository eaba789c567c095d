// Azure ML's online endpoint: GET /, /score, /swagger.json, as azureml-inference-server-http and the scoring
// script of MLflow models answer, with errors {"message"}.

#include <algorithm>

#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/azure/azure_swagger.h"
#include "server/tasks/main_task.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

HttpResponse azure_error(const Exchange& exchange, const Refusal& refusal) {
  HttpResponse response;
  std::string message = refusal.message;
  response.status = refusal.bad_input ? 400 : refusal.status;
  if (response.status == 504) {
    message = "Scoring timeout after " + std::to_string(exchange.options.request_timeout.count()) + " ms";
    response.status = 500;
  } else if (response.status == 424) {
    response.status =
        500;  // 424 is what the platform in front says of any failure; the model can't be asked this
  }
  response.body = "{\"message\":";
  append_json_string(response.body, message);
  response.body += '}';
  if (exchange.request.path == "/score")
    response.headers.emplace_back("x-ms-run-function-failed", response.status >= 500 ? "True" : "False");
  return response;
}

/// Azure asks this for liveness and for readiness. Its own server opens the port to requests when the model
/// is loaded, and nginx before it answers 502 until then; so 503 while loading is what a probe is used to. On
/// its way out it takes no connections, so 503 then too: no new requests are sent here, while those accepted
/// are answered.
HttpResponse health(Exchange& exchange) {
  if (exchange.draining) throw HttpError(503, ErrorType::kUnhealthy, "the server is stopping");
  if (!exchange.registry.ready()) throw HttpError(503, ErrorType::kUnhealthy, "the model is loading");
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "Healthy";
  return response;
}

/// What the reply looks like follows from the body's members.
enum class Shape : uint8_t {
  kPlain,     ///< "input_data", "data": a list with the best answer of each
  kRecords,   ///< "inputs" with columns of texts, the older flavour: [{"0": answer}, ...]
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
    throw HttpError(400, ErrorType::kValidation, "the body must be an object: {\"input_data\": [\"...\"]}");
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
    throw HttpError(400, ErrorType::kValidation,
                    "the body needs `input_data` (or `inputs`, or `data`): {\"input_data\": [\"...\"]}");
  }
  return out;
}

/// By the routes of the pipelines, whose parameters are strict.
std::string pipeline_answer(Exchange& exchange, const ServedModel& served, const Json& inputs,
                            const Json* parameters) {
  Json body = {{"inputs", inputs}, {"model", served.name}};
  if (parameters) body["parameters"] = *parameters;
  return pipeline_reply(exchange, pipeline_of(served.shared->info(), body), body);
}

std::string records(const TaskAnswers& answers) {
  std::string out = "[";
  for (const std::string& item : answers.items) {
    if (out.size() > 1) out += ',';
    if (item.starts_with('{'))
      out += item;  // is a record already
    else
      (out += "{\"0\":") += item + '}';
  }
  return out += ']';
}

/// The platform's header that picks a deployment picks a model where one has that name. Elsewhere it is
/// the name of the whole deployment.
const ServedModel& choose(Exchange& exchange) {
  const std::string_view wish = exchange.request.header("azureml-model-deployment");
  const bool known = !wish.empty() && exchange.registry.find(wish) != nullptr;
  return exchange.use_model(known ? wish : std::string_view());
}

HttpResponse answer(Exchange& exchange, const Json& body) {
  const Envelope envelope = open_envelope(body);
  const ServedModel& served = choose(exchange);
  HttpResponse response;
  if (envelope.shape == Shape::kPipeline) {
    response.body = pipeline_answer(exchange, served, *envelope.inputs, envelope.parameters);
  } else {
    const TaskRequest request =
        read_task(served.shared->info(), *envelope.inputs, envelope.field, envelope.parameters);
    const TaskAnswers answers = run_task(exchange, served, request);
    response.body = envelope.shape == Shape::kRecords ? records(answers) : join(answers, request.single);
  }
  response.headers.emplace_back("x-ms-run-function-failed", "False");
  return response;
}

HttpResponse post_score(Exchange& exchange) { return answer(exchange, parse_body(exchange.request)); }

/// JSON if it is JSON, else the text itself.
Json value_of(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || std::string_view("[{\"").find(text[begin]) == std::string_view::npos) {
    if (text == "true" || text == "false") return text == "true";
    const bool digits =
        !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
    return digits ? Json(std::stoi(text)) : Json(text);
  }
  HttpRequest part;
  part.body = text;
  try {
    return parse_body(part);
  } catch (const HttpError&) {
    return text;
  }
}

/// ?input_data=TEXT, ?input_data=["a","b"], ?input_data=a&input_data=b, and parameters likewise.
HttpResponse get_score(Exchange& exchange) {
  Json body = Json::object();
  const std::string_view query = exchange.request.query;
  for (const char* name : {"input_data", "inputs", "data", "params", "parameters"}) {
    std::vector<Json> values;
    for (size_t begin = 0; begin < query.size();) {
      const size_t end = std::min(query.find('&', begin), query.size());
      HttpRequest part;  // of one parameter, so that one given twice is seen twice
      part.query = query.substr(begin, end - begin);
      if (std::string value = part.parameter(name); !value.empty()) values.push_back(value_of(value));
      begin = end + 1;
    }
    if (values.size() == 1) body[name] = std::move(values[0]);
    if (values.size() > 1) body[name] = std::move(values);
  }
  return answer(exchange, body);
}

HttpResponse score_options(Exchange&) {
  HttpResponse response;
  response.headers.emplace_back("allow", "GET, HEAD, OPTIONS, POST");
  return response;
}

HttpResponse swagger(Exchange& exchange) {
  std::string version = exchange.request.parameter("version");
  if (version.empty()) version = "2";
  const std::shared_ptr<const ServedModel> model = exchange.registry.find("");
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

constexpr Dialect kDialect{"azure", azure_error};
constexpr Route kRoutes[] = {
    {"GET", "/", Where::kInline, health, true, "azure_health", false},
    {"POST", "/score", Where::kWorker, post_score, false, "score"},
    {"GET", "/score", Where::kWorker, get_score, false, "score_get"},
    {"OPTIONS", "/score", Where::kInline, score_options, true, "", false},
    {"GET", "/swagger.json", Where::kInline, swagger, false, "swagger", false},
};

}  // namespace

RouteTable azure_routes() { return {kDialect, kRoutes}; }

}  // namespace roberta::server
