// OpenAI's /v1/embeddings, as text-embeddings-inference serves it. GET /v1/models is in kserve_models.cc.

#include <bit>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/base64.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/tasks/encoding.h"

namespace roberta::server {
namespace {

/// The names that OpenAI's clients expect.
std::string_view openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
std::string_view openai_code(const ErrorResponse& error) {
  switch (error.status) {
    case 401:
      return "invalid_api_key";
    case 404:
      return "model_not_found";
    case 429:
      return "rate_limit_exceeded";
    default:
      return "";
  }
}

/// OpenAI's clients read "error"; the flat members are those of text-embeddings-inference.
HttpResponse error(const RequestContext&, const ErrorResponse& error) {
  HttpResponse response;
  response.status = error.status;
  std::string& out = response.body;
  const std::string_view code = openai_code(error);
  out = "{\"error\":{\"message\":";
  append_json_string(out, error.message);
  out += ",\"type\":";
  append_json_string(out, openai_type(error.status));
  out += ",\"param\":null,\"code\":";
  if (code.empty())
    out += "null";
  else
    append_json_string(out, code);
  out += "},\"message\":";
  append_json_string(out, error.message);
  out += ",\"code\":";
  append_number(out, error.status);
  for (const char* name : {",\"type\":", ",\"error_type\":"}) {
    out += name;
    append_json_string(out, type_name_of(error));
  }
  out += '}';
  return response;
}

/// A name chooses among several models; a single model accepts any name, as in text-embeddings-inference.
const ServedModel& choose(RequestContext& context, const Json& body) {
  const std::string name = text_member(body, "model", "");
  bool known = false;
  context.registry.find(name, &known);
  const bool single = context.registry.list().size() <= 1;
  return context.use_model(known || !single ? std::string_view(name) : std::string_view());
}

bool wants_base64(const Json& body) {
  const std::string format = text_member(body, "encoding_format", "float");
  if (format != "float" && format != "base64")
    reject("`encoding_format` must be \"float\" or \"base64\", got \"" + printable(format, 40) + "\"");
  return format == "base64";
}

/// Four bytes for each number, little-endian.
std::string bytes_of(std::span<const float> row) {
  std::string bytes;
  bytes.reserve(row.size() * 4);
  for (const float value : row) {
    check_finite(value);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 255);
  }
  return bytes;
}

void append_embedding(std::string& out, std::span<const float> row, bool base64) {
  if (!base64) return append_json(out, row);
  out += '"';
  append_base64(out, bytes_of(row));
  out += '"';
}

HttpResponse embeddings(RequestContext& context) {
  const Json body = parse_body(context.request);
  const ServedModel& served = choose(context, body);
  const bool base64 = wants_base64(body);
  const std::vector<TextOrIds> inputs = read_inputs(context, required_member(body, "input"), "input");
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  options.normalize = true;
  options.dimensions = read_dimensions(body, served.shared->info());
  EncodingOverrides overrides;
  overrides.truncate = context.options.auto_truncate;
  const Vectors found = embed_inputs(context, served, inputs, overrides, options);

  HttpResponse response;
  std::string& out = response.body;
  out.reserve(found.vectors.size() * (static_cast<size_t>(found.vectors[0].cols) * 13 + 64) + 256);
  out = "{\"object\":\"list\",\"data\":[";
  for (size_t i = 0; i < found.vectors.size(); ++i) {
    out += i ? ",{\"object\":\"embedding\",\"index\":" : "{\"object\":\"embedding\",\"index\":";
    append_number(out, static_cast<int64_t>(i));
    out += ",\"embedding\":";
    append_embedding(out, found.vectors[i].row(0), base64);
    out += '}';
  }
  out += "],\"model\":";
  append_json_string(out, served.name);
  out += ",\"usage\":{\"prompt_tokens\":";
  append_number(out, found.tokens);
  out += ",\"total_tokens\":";
  append_number(out, found.tokens);
  out += "}}";
  return response;
}

constexpr Protocol kProtocol{"openai", error};
constexpr Route kRoutes[] = {
    {"POST", "/v1/embeddings", Executor::kWorker, embeddings, false, "openai_embeddings"},
    {"POST", "/embeddings", Executor::kWorker, embeddings, false, ""},
};

}  // namespace

RouteTable openai_routes() { return {kProtocol, kRoutes}; }

}  // namespace roberta::server
