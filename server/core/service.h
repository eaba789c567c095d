#pragma once
// From a request to an answer: route, key, admission, handler, errors, headers, metrics, access log. Knows no
// socket, so tests and the fuzzer call it as the HTTP server does.

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "server/core/exchange.h"
#include "server/core/route.h"

namespace roberta::server {

class Service {
 public:
  /// Error(kUsage) for keys or origins that can't be. The three, and the tables, must outlive the service.
  Service(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
          std::span<const RouteTable> tables = route_tables());
  ~Service();  ///< waits for requests on workers

  using Answer = std::function<void(HttpResponse)>;
  /// Answers at once on the caller's thread (quick routes, refusals), or later on a worker's; exactly once
  /// either way, unless the scope was cancelled. The scope is made here and handed back, so that the
  /// connection can cancel it when its client hangs up. The request's deadline is kept here: a worker answers
  /// 504. Null when the answer was given at once and there is nothing to cancel.
  std::shared_ptr<RequestScope> handle(HttpRequest request, uint64_t client, Answer answer);
  /// The same, waiting for the answer: tests, fuzzing.
  HttpResponse call(HttpRequest request);
  /// What the transport answers to a request that it could not read to its end (408, 413, 414, 431, 400):
  /// in the JSON of the path's dialect as far as `head` is known, with ids, counted and logged. `reason` is
  /// for the client.
  HttpResponse refuse(const HttpRequest& head, uint64_t client, int status, std::string_view reason);

  /// From now on /readyz says 503.
  void begin_drain();
  bool draining() const;
  int in_flight() const;  ///< requests on workers
  /// Whether there were none within that time.
  bool wait_idle(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
