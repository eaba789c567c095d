#pragma once
// From a request to a response: route, key, admission, handler, errors, headers, metrics, access log. It has
// no sockets, so tests and the fuzzer call it as the HTTP server does.

#include <functional>
#include <memory>
#include <string_view>

#include "server/core/request_context.h"
#include "server/core/route.h"

namespace roberta::server {

class Service {
 public:
  /// Error(kUsage) for invalid keys or origins. All arguments must outlive the service.
  Service(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
          std::span<const RouteTable> tables = route_tables());
  ~Service();  ///< waits for the requests on worker threads

  using Respond = std::function<void(HttpResponse)>;
  /// Calls `respond` exactly once, unless the scope is cancelled: before returning (quick routes, errors), or
  /// later on a worker thread. The connection cancels the returned scope when its client disconnects; null
  /// when the response was given before returning. A request past its deadline gets 504.
  std::shared_ptr<RequestScope> handle(HttpRequest request, uint64_t client, Respond respond);
  /// As handle(), but waits for the response. For tests and fuzzing.
  HttpResponse call(HttpRequest request);
  /// The response to a request that the transport could not read completely (408, 413, 414, 431, 400): in the
  /// JSON of the path's protocol, as far as `head` is known; with ids, counted and logged. `reason` is the
  /// message for the client.
  HttpResponse reject(const HttpRequest& head, uint64_t client, int status, std::string_view reason);

  /// From now on /readyz responds 503.
  void begin_drain();
  int in_flight() const;  ///< requests on worker threads

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
