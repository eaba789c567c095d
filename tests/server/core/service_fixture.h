#pragma once
// A service with a small model, called without a socket.

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "server/core/service.h"

namespace roberta::server {

inline std::string tiny_model() { return ROBERTA_SOURCE_DIR "/tests/golden/tiny-roberta"; }

using Headers = std::vector<std::pair<std::string, std::string>>;

inline HttpRequest request_of(std::string method, std::string path, std::string body = {},
                              Headers headers = {}) {
  HttpRequest out;
  out.method = std::move(method);
  out.path = std::move(path);
  out.headers = std::move(headers);
  if (!body.empty()) out.headers.emplace_back("content-type", "application/json");
  out.body = std::move(body);
  return out;
}

/// "" when absent; fails the test for duplicates.
inline std::string header_of(const HttpResponse& response, std::string_view name) {
  std::string out;
  int times = 0;
  for (const auto& [known, value] : response.headers) {
    if (known == name) out = value, ++times;
  }
  EXPECT_LE(times, 1) << name;
  return out;
}

inline bool has_header(const HttpResponse& response, std::string_view name) {
  for (const auto& [known, value] : response.headers) {
    if (known == name) return true;
  }
  return false;
}

/// A tiny model named "tiny", and a service with some route tables. Options must be changed before start().
class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    options_.models = {{"tiny", tiny_model()}};
    options_.model.threads = 1;
  }
  void start(std::span<const RouteTable> tables = route_tables()) {
    metrics_.emplace();
    registry_.emplace(options_, &*metrics_);
    registry_->start_and_wait();
    service_.emplace(options_, *registry_, *metrics_, tables);
  }
  HttpResponse get(std::string path, Headers headers = {}) {
    return service_->call(request_of("GET", std::move(path), "", std::move(headers)));
  }
  HttpResponse post(std::string path, std::string body, Headers headers = {}) {
    return service_->call(request_of("POST", std::move(path), std::move(body), std::move(headers)));
  }

  ServeOptions options_;
  std::optional<Metrics> metrics_;
  std::optional<ModelRegistry> registry_;
  std::optional<Service> service_;
};

}  // namespace roberta::server
