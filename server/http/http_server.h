#pragma once
// The transport: sockets, HTTP/1.1, deadlines and limits, on one I/O thread. Requests go to a Service.

#include <functional>
#include <memory>

#include "server/core/service.h"

namespace roberta::server {

class HttpServer {
 public:
  /// Binds the port: Error(kResource) "[serve] 127.0.0.1:3000: address in use; ..." when that fails.
  HttpServer(const ServeOptions& options, Service& service, Metrics& metrics);
  ~HttpServer();
  int port() const;
  /// Serves until stop() was called and all connections are done, or drain_timeout has passed. Returns
  /// whether every accepted request got its response.
  bool run();
  /// From any thread: drains as configured, then run() returns.
  void stop();
  /// From any thread: run() returns now, without waiting for requests.
  void stop_at_once();
  /// Sets a function that run() calls several times per second on its thread (a watchdog). Before run().
  void on_tick(std::function<void()> tick);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
