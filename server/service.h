#pragma once
// From a request to an answer: route, key, admission, handler, errors, headers, metrics, access log. Knows no
// socket, so tests and the fuzzer call it as the HTTP server does.

#include <functional>
#include <memory>

#include "exchange.h"
#include "route.h"

namespace roberta::server {

class WorkerPool;

class Service {
 public:
  Service(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics);
  ~Service();

  using Answer = std::function<void(HttpResponse)>;
  /// Answers at once on the caller's thread (quick routes, refusals), or later on a worker's; exactly once
  /// either way, unless the scope was cancelled. The scope is made here and handed back, so that the
  /// connection can cancel it when its client hangs up.
  std::shared_ptr<RequestScope> handle(HttpRequest request, uint64_t client, Answer answer);
  /// The same, waiting for the answer: tests, fuzzing.
  HttpResponse call(HttpRequest request);

  /// From now on /readyz says 503.
  void begin_drain();
  bool draining() const;
  int in_flight() const;  ///< requests on workers
  void wait_idle(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
