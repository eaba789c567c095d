// What orchestrators, load balancers and Prometheus ask: /livez /readyz /startupz /health /ping /metrics
// /version. All open, all answered at once.

#include "io/json/json_text.h"
#include "server/core/route.h"

namespace roberta::server {
namespace {

/// That of text-embeddings-inference, which shares it: a missing key is a bare 401.
HttpResponse error(const Exchange&, const Refusal& refusal) {
  if (refusal.status == 401) return {.status = 401, .content_type = {}};
  HttpResponse out{.status = refusal.status};
  out.body = "{\"error\":";
  append_json_string(out.body, refusal.message);
  out.body += ",\"error_type\":";
  append_json_string(out.body, type_name_of(refusal));
  out.body += '}';
  return out;
}

constexpr Dialect kOwn{.name = "own", .error = error};

HttpResponse text(std::string_view body) {
  return {.content_type = "text/plain; charset=utf-8", .body = std::string(body)};
}

[[noreturn]] void refuse(const char* why) { throw HttpError(503, ErrorType::kUnhealthy, why); }

HttpResponse livez(Exchange&) { return text("ok\n"); }

HttpResponse readyz(Exchange& exchange) {
  if (exchange.draining) refuse("shutting down");
  if (!exchange.registry.ready()) refuse("loading");
  return text("ok\n");
}

HttpResponse startupz(Exchange& exchange) {
  if (!exchange.registry.ready()) refuse("loading");
  return text("ok\n");
}

/// As text-embeddings-inference: empty.
HttpResponse health(Exchange& exchange) {
  if (exchange.draining || !exchange.registry.ready()) refuse("unhealthy");
  return {.content_type = {}};
}

HttpResponse metrics(Exchange& exchange) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = exchange.metrics.text()};
}

HttpResponse version(Exchange&) {
  return {.body = "{\"name\":\"roberta.cpp\",\"version\":\"" ROBERTA_VERSION "\"}"};
}

constexpr Route kRoutes[] = {
    {"GET", "/livez", Where::kInline, livez, true, "livez"},
    {"GET", "/readyz", Where::kInline, readyz, true, "readyz"},
    {"GET", "/startupz", Where::kInline, startupz, true, "startupz"},
    {"GET", "/health", Where::kInline, health, true, "health"},
    {"GET", "/ping", Where::kInline, health, true, "ping"},
    {"GET", "/metrics", Where::kInline, metrics, true, "metrics"},
    {"GET", "/version", Where::kInline, version, true, "version"},
};

}  // namespace

const Dialect& own_dialect() { return kOwn; }
RouteTable own_routes() { return {kOwn, kRoutes}; }

}  // namespace roberta::server
