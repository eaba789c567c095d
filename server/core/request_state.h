#pragma once
// One request on its way through the service; its headers, metrics and line in the access log.

#include <functional>
#include <optional>
#include <string>

#include "server/core/http_error.h"
#include "server/core/request_context.h"
#include "server/core/request_ids.h"
#include "server/core/route.h"

namespace roberta::server {

struct RequestState {
  using Clock = RequestScope::Clock;

  RequestState(HttpRequest&& moved, const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
               std::span<const RouteTable> tables);
  RequestState(const RequestState&) = delete;  // `context` borrows `request`
  RequestState& operator=(const RequestState&) = delete;

  const Protocol& protocol() const { return match.table ? match.table->protocol : default_protocol(); }
  bool computes() const {
    return match.route && match.route->executor == Executor::kWorker && match.route->computes;
  }

  const HttpRequest request;
  RequestContext context;
  RequestIds ids;
  Match match;
  Clock::time_point started;           ///< when the handler started
  std::optional<ErrorResponse> error;  ///< set when the response is an error
  bool cancelled = false;              ///< the client has disconnected: there is no response
  std::function<void(HttpResponse)> respond;
};

/// An error in the protocol's JSON, with Retry-After, WWW-Authenticate and Allow. Sets state.error.
HttpResponse http_response_of(RequestState& state, ErrorResponse error);
/// Ids, x-compute-* and Azure's headers, added last to every response.
void add_headers(const RequestState& state, HttpResponse& response);
void count(const RequestState& state, const HttpResponse& response, Metrics& metrics);
std::string access_line_of(const RequestState& state, const HttpResponse& response);

}  // namespace roberta::server
