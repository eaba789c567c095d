#include "server/core/cors.h"

#include <algorithm>

#include "core/error.h"
#include "server/core/http_error.h"

namespace roberta::server {
namespace {

constexpr const char* kRequestHeaders =
    "authorization, content-type, content-encoding, traceparent, x-request-id, x-ms-request-id, "
    "x-ms-client-request-id, x-request-timeout-ms";
constexpr const char* kAnswerHeaders =
    "retry-after, x-request-id, x-ms-request-id, x-ms-client-request-id, x-ms-run-fn-exec-ms, "
    "x-compute-type, "
    "x-compute-time, x-compute-characters, x-compute-tokens, x-total-time, x-tokenization-time, "
    "x-queue-time, "
    "x-inference-time";

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

Cors::Cors(std::string_view allowed) {
  while (!allowed.empty()) {
    const size_t comma = std::min(allowed.find(','), allowed.size());
    const std::string_view origin = trim(allowed.substr(0, comma));
    allowed.remove_prefix(std::min(comma + 1, allowed.size()));
    if (origin.empty()) continue;
    if (origin == "*") {
      any_ = true;
      continue;
    }
    const size_t host = origin.find("://");
    const bool sound = host != std::string_view::npos && host > 0 && host + 3 < origin.size() &&
                       origin.find('/', host + 3) == std::string_view::npos &&
                       std::ranges::all_of(origin, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!sound)
      fail(ErrorCode::kUsage, "[serve] cors-allow-origin: '", printable(origin, 100),
           "' is no origin; write it as https://example.org, or * for all");
    origins_.emplace_back(origin);
  }
}

bool Cors::allows(const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  return !origin.empty() && (any_ || std::ranges::find(origins_, origin) != origins_.end());
}

void Cors::add_headers(const HttpRequest& request, HttpResponse& response) const {
  if (!origins_.empty() && !any_)
    response.headers.emplace_back("vary", "Origin");  // for caches, whoever asks
  if (!allows(request)) return;
  response.headers.emplace_back("access-control-allow-origin",
                                any_ ? std::string("*") : std::string(request.header("origin")));
  response.headers.emplace_back("access-control-expose-headers", kAnswerHeaders);
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
