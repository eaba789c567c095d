#include "server/core/cors.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "server/core/http_error.h"

namespace roberta::server {
namespace {

constexpr const char* kRequestHeaders =
    "authorization, content-type, content-encoding, traceparent, x-request-id, x-ms-request-id, "
    "x-ms-client-request-id, x-request-timeout-ms";
constexpr const char* kExposedHeaders =
    "retry-after, x-request-id, x-ms-request-id, x-ms-client-request-id, x-ms-run-fn-exec-ms, "
    "x-compute-type, x-compute-time, x-compute-characters, x-compute-tokens, x-total-time, "
    "x-tokenization-time, x-queue-time, x-inference-time";

}  // namespace

Cors::Cors(std::string_view allowed) {
  for (const std::string_view part : split(allowed, ',')) {
    const std::string_view origin = trimmed(part);
    if (origin.empty()) continue;
    if (origin == "*") {
      any_ = true;
      continue;
    }
    const size_t host = origin.find("://");
    const bool valid = host != std::string_view::npos && host > 0 && host + 3 < origin.size() &&
                       origin.find('/', host + 3) == std::string_view::npos &&
                       std::ranges::all_of(origin, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!valid)
      fail(ErrorCode::kUsage, "[serve] cors-allow-origin: '", printable(origin, 100),
           "' is not an origin; expected a value such as https://example.org, or * for all origins");
    origins_.emplace_back(origin);
  }
}

bool Cors::allows(const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  return !origin.empty() && (any_ || std::ranges::find(origins_, origin) != origins_.end());
}

void Cors::add_headers(const HttpRequest& request, HttpResponse& response) const {
  if (!origins_.empty() && !any_)
    response.headers.emplace_back("vary", "Origin");  // for caches, whatever the origin
  if (!allows(request)) return;
  response.headers.emplace_back("access-control-allow-origin",
                                any_ ? std::string("*") : std::string(request.header("origin")));
  response.headers.emplace_back("access-control-expose-headers", kExposedHeaders);
}

HttpResponse Cors::preflight(const HttpRequest& request, const std::string& allow) const {
  HttpResponse out{.content_type = {}, .headers = {{"allow", allow}}};
  if (!allows(request) || request.header("access-control-request-method").empty()) return out;
  out.headers.emplace_back("access-control-allow-methods", allow);
  out.headers.emplace_back("access-control-allow-headers", kRequestHeaders);
  out.headers.emplace_back("access-control-max-age", "600");
  return out;
}

}  // namespace roberta::server
