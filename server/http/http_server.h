#pragma once
// The transport: sockets, HTTP/1.1, deadlines and limits, on one I/O thread. Requests go to a Service.

#include <functional>
#include <memory>

#include "server/core/service.h"

namespace roberta::server {

class HttpServer {
 public:
  /// Binds at once: Error(kResource) "[serve] 127.0.0.1:3000: address in use; ..." when it can't.
  HttpServer(const ServeOptions& options, Service& service, Metrics& metrics);
  ~HttpServer();
  int port() const;
  /// Serves until stop() was called and all connections are done, or drain_timeout passed. Returns whether
  /// every accepted request was answered.
  bool run();
  /// From any thread: drain as ServeOptions say, then return from run().
  void stop();
  /// From any thread: return from run() now, whatever is under way.
  void stop_at_once();
  /// Called some times a second on the thread inside run(): a sign of life. Before run().
  void on_tick(std::function<void()> tick);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
