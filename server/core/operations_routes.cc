// Routes for orchestrators, load balancers and Prometheus: /livez /readyz /startupz /health /ping /metrics
// /version. They need no key and run on the I/O thread.

#include "io/json/json_text.h"
#include "server/core/route.h"

namespace roberta::server {
namespace {

/// The errors of text-embeddings-inference; a 401 has no body.
HttpResponse error(const RequestContext&, const ErrorResponse& error) {
  if (error.status == 401) return {.status = 401, .content_type = {}};
  HttpResponse out{.status = error.status};
  out.body = "{\"error\":";
  append_json_string(out.body, error.message);
  out.body += ",\"error_type\":";
  append_json_string(out.body, type_name_of(error));
  out.body += '}';
  return out;
}

constexpr Protocol kOwn{.name = "own", .error = error};

HttpResponse text(std::string_view body) {
  return {.content_type = "text/plain; charset=utf-8", .body = std::string(body)};
}

[[noreturn]] void reject_503(const char* why) { throw HttpError(503, ErrorType::kUnhealthy, why); }

HttpResponse livez(RequestContext&) { return text("ok\n"); }

HttpResponse readyz(RequestContext& context) {
  if (context.draining) reject_503("shutting down");
  if (!context.registry.ready()) reject_503("loading");
  return text("ok\n");
}

HttpResponse startupz(RequestContext& context) {
  if (!context.registry.ready()) reject_503("loading");
  return text("ok\n");
}

/// Empty, as in text-embeddings-inference.
HttpResponse health(RequestContext& context) {
  if (context.draining || !context.registry.ready()) reject_503("unhealthy");
  return {.content_type = {}};
}

HttpResponse metrics(RequestContext& context) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = context.metrics.text()};
}

HttpResponse version(RequestContext&) {
  return {.body = "{\"name\":\"roberta.cpp\",\"version\":\"" ROBERTA_VERSION "\"}"};
}

constexpr Route kRoutes[] = {
    {"GET", "/livez", Executor::kInline, livez, true, "livez"},
    {"GET", "/readyz", Executor::kInline, readyz, true, "readyz"},
    {"GET", "/startupz", Executor::kInline, startupz, true, "startupz"},
    {"GET", "/health", Executor::kInline, health, true, "health"},
    {"GET", "/ping", Executor::kInline, health, true, "ping"},
    {"GET", "/metrics", Executor::kInline, metrics, true, "metrics"},
    {"GET", "/version", Executor::kInline, version, true, "version"},
};

}  // namespace

const Protocol& default_protocol() { return kOwn; }
RouteTable operations_routes() { return {kOwn, kRoutes}; }

}  // namespace roberta::server
