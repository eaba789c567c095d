#pragma once
// A server on a free port of loopback with routes for the tests and no model.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/core/metrics.h"
#include "server/core/registry.h"
#include "server/core/service.h"
#include "server/http/http_server.h"
#include "tests/server/http/client.h"

namespace roberta::server {

/// Worker threads wait here until open() is called.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
};

inline Gate g_gate;
inline std::atomic<int> g_entered{0};    // calls of /wait
inline std::atomic<int> g_cancelled{0};  // those whose client disconnected

inline HttpResponse say_ok(RequestContext&) { return {.content_type = "text/plain", .body = "ok"}; }
inline HttpResponse echo(RequestContext& context) {
  return {.content_type = "text/plain", .body = context.request.body};
}
inline HttpResponse wait_at_gate(RequestContext& context) {
  ++g_entered;
  g_gate.wait();
  if (context.scope->cancelled()) ++g_cancelled;
  return {.body = "\"waited\""};
}
inline HttpResponse sleep_a_little(RequestContext&) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return {.body = "\"slept\""};
}
inline HttpResponse big(RequestContext&) {
  return {.content_type = "text/plain", .body = std::string(8 << 20, 'x')};
}

inline constexpr Route kTestRoutes[] = {
    {.method = "GET",
     .pattern = "/inline",
     .executor = Executor::kInline,
     .handle = say_ok,
     .open = true,
     .computes = false},
    {.method = "GET", .pattern = "/work", .executor = Executor::kWorker, .handle = say_ok, .computes = false},
    {.method = "POST", .pattern = "/echo", .executor = Executor::kWorker, .handle = echo, .computes = false},
    {.method = "GET",
     .pattern = "/wait",
     .executor = Executor::kWorker,
     .handle = wait_at_gate,
     .computes = false},
    {.method = "GET",
     .pattern = "/sleep",
     .executor = Executor::kWorker,
     .handle = sleep_a_little,
     .computes = false},
    {.method = "GET", .pattern = "/big", .executor = Executor::kWorker, .handle = big, .computes = false},
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    options_.port = 0;
    g_gate.open();
    g_entered = g_cancelled = 0;
  }
  ~HttpServerTest() override { end(); }

  /// options_ must be changed before.
  void start() {
    std::vector<RouteTable>{operations_routes(), RouteTable{default_protocol(), kTestRoutes}}.swap(tables_);
    metrics_.emplace();
    registry_.emplace(options_, &*metrics_);
    registry_->start_and_wait();
    service_.emplace(options_, *registry_, *metrics_, tables_);
    http_.emplace(options_, *service_, *metrics_);
    port_ = http_->port();
    thread_ = std::thread([this] { all_answered_ = http_->run(); });
  }
  /// Whether every accepted request got a response.
  bool end() {
    g_gate.open();
    if (!thread_.joinable()) return all_answered_;
    http_->stop();
    return join();
  }
  bool join() {
    thread_.join();
    http_.reset();
    service_.reset();
    return all_answered_;
  }
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  ClientResponse get(const std::string& path, const std::string& fields = "") const {
    return Client(port_).ask(get_text(path, fields));
  }

  ServeOptions options_;
  std::vector<RouteTable> tables_;
  std::optional<Metrics> metrics_;
  std::optional<ModelRegistry> registry_;
  std::optional<Service> service_;
  std::optional<HttpServer> http_;
  std::thread thread_;
  std::atomic<bool> all_answered_{false};
  int port_ = 0;
};

}  // namespace roberta::server
