// OpenAI's /v1/embeddings, as text-embeddings-inference serves it. GET /v1/models is routes_azure.cc's.

#include <bit>

#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/base64.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/tasks/inputs.h"

namespace roberta::server {
namespace {

/// OpenAI's own names, which its clients know.
std::string_view openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
std::string_view openai_code(const Refusal& refusal) {
  switch (refusal.status) {
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

/// The flat members are those of text-embeddings-inference; clients of OpenAI read "error".
HttpResponse error(const Exchange&, const Refusal& refusal) {
  HttpResponse response;
  response.status = refusal.status;
  std::string& out = response.body;
  const std::string_view code = openai_code(refusal);
  out = "{\"error\":{\"message\":";
  append_json_string(out, refusal.message);
  out += ",\"type\":";
  append_json_string(out, openai_type(refusal.status));
  out += ",\"param\":null,\"code\":";
  if (code.empty())
    out += "null";
  else
    append_json_string(out, code);
  out += "},\"message\":";
  append_json_string(out, refusal.message);
  out += ",\"code\":";
  append_number(out, refusal.status);
  for (const char* name : {",\"type\":", ",\"error_type\":"}) {
    out += name;
    append_json_string(out, type_name_of(refusal));
  }
  out += '}';
  return response;
}

/// A name chooses among several models; a lone model answers to any, as in text-embeddings-inference.
const ServedModel& choose(Exchange& exchange, const Json& body) {
  const std::string name = text_member(body, "model", "");
  bool known = false;
  exchange.registry.find(name, &known);
  const bool lone = exchange.registry.list().size() <= 1;
  return exchange.use_model(known || !lone ? std::string_view(name) : std::string_view());
}

bool wants_base64(const Json& body) {
  const std::string format = text_member(body, "encoding_format", "float");
  if (format != "float" && format != "base64")
    refuse("`encoding_format` must be \"float\" or \"base64\", not \"" + printable(format, 40) + "\"");
  return format == "base64";
}

/// Four bytes a number, little-endian.
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

HttpResponse embeddings(Exchange& exchange) {
  const Json body = parse_body(exchange.request);
  const ServedModel& served = choose(exchange, body);
  const bool base64 = wants_base64(body);
  const std::vector<TextOrIds> inputs = read_inputs(exchange, need_member(body, "input"), "input");
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  options.normalize = true;
  options.dimensions = read_dimensions(body, served.shared->info());
  EncodingWishes wishes;
  wishes.truncate = exchange.options.auto_truncate;
  const Vectors found = embed_inputs(exchange, served, inputs, wishes, options);

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

constexpr Dialect kDialect{"openai", error};
constexpr Route kRoutes[] = {
    {"POST", "/v1/embeddings", Where::kWorker, embeddings, false, "openai_embeddings"},
    {"POST", "/embeddings", Where::kWorker, embeddings, false, ""},
};

}  // namespace

RouteTable openai_routes() { return {kDialect, kRoutes}; }

}  // namespace roberta::server
