#pragma once
// One request on its way through the service, and what is told of it when it is done.

#include <functional>
#include <optional>
#include <string>

#include "server/core/exchange.h"
#include "server/core/http_error.h"
#include "server/core/request_ids.h"
#include "server/core/route.h"

namespace roberta::server {

struct Call {
  using Clock = RequestScope::Clock;

  Call(HttpRequest&& taken, const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
       std::span<const RouteTable> tables);
  Call(const Call&) = delete;  // the exchange borrows the request beside it
  Call& operator=(const Call&) = delete;

  const Dialect& dialect() const { return match.table ? match.table->dialect : own_dialect(); }
  bool computes() const {
    return match.route && match.route->where == Where::kWorker && match.route->computes;
  }

  const HttpRequest request;
  Exchange exchange;
  RequestIds ids;
  Match match;
  Clock::time_point started;       ///< when the handler began
  std::optional<Refusal> refusal;  ///< why there is no answer of the handler's
  bool gone = false;               ///< cancelled: nobody is told
  std::function<void(HttpResponse)> answer;
};

/// The body of a refusal in the dialect's JSON, with Retry-After, WWW-Authenticate and Allow.
HttpResponse refusal_response(Call& call, Refusal refusal);
/// Ids, x-compute-* and Azure's headers; set last, on every answer.
void add_headers(const Call& call, HttpResponse& response);
void count(const Call& call, const HttpResponse& response, Metrics& metrics);
std::string access_line_of(const Call& call, const HttpResponse& response);

}  // namespace roberta::server
