#pragma once
// A Service with models of the test, called without sockets.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/core/metrics.h"
#include "server/core/registry.h"
#include "server/core/service.h"

namespace roberta::server {

class Served {
 public:
  using Models = std::vector<std::pair<std::string, std::filesystem::path>>;
  explicit Served(const Models& models, const std::function<void(ServeOptions&)>& change = {})
      : options_(make_options(models, change)),
        registry_(options_, &metrics_),
        service_(options_, registry_, metrics_) {
    registry_.start_and_wait();
  }

  HttpResponse call(const std::string& method, const std::string& path, std::string body = "") {
    HttpRequest request;
    request.method = method;
    const size_t query = path.find('?');
    request.path = path.substr(0, query);
    if (query != std::string::npos) request.query = path.substr(query + 1);
    if (!body.empty()) request.headers = {{"content-type", "application/json"}};
    request.body = std::move(body);
    return service_.call(std::move(request));
  }
  HttpResponse send(HttpRequest request) { return service_.call(std::move(request)); }
  HttpResponse post(const std::string& path, const nlohmann::json& body) {
    return call("POST", path, body.dump());
  }
  /// The response of a request that must succeed.
  nlohmann::json ask(const std::string& path, const nlohmann::json& body) {
    const HttpResponse response = post(path, body);
    EXPECT_EQ(response.status, 200) << path << " " << body << " " << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    return nlohmann::json::parse(response.body, nullptr, false);
  }
  Metrics& metrics() { return metrics_; }
  const ServeOptions& options() const { return options_; }

 private:
  static ServeOptions make_options(const Models& models, const std::function<void(ServeOptions&)>& change) {
    ServeOptions options;
    options.models = models;
    options.model.threads = 1;
    if (change) change(options);
    return options;
  }

  ServeOptions options_;
  Metrics metrics_;
  ModelRegistry registry_;
  Service service_;
};

inline std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

/// Bodies that are invalid for every route; none may cause a 5xx.
inline const std::vector<std::string>& hostile_bodies() {
  static const std::vector<std::string> kBodies = {
      "",
      "{",
      "[]",
      "{}",
      "null",
      "1",
      "\"text\"",
      "{\"inputs\":null}",
      "{\"inputs\":1e400}",
      "{\"inputs\":123456789012345678901234567890}",
      "{\"inputs\":true}",
      "{\"inputs\":{}}",
      "{\"inputs\":[]}",
      "{\"inputs\":[[]]}",
      "{\"inputs\":[[[]]]}",
      "{\"inputs\":[null]}",
      "{\"inputs\":[1.5]}",
      "{\"inputs\":[-1]}",
      "{\"inputs\":[2147483648]}",
      "{\"inputs\":[18446744073709551615]}",
      "{\"inputs\":[[1,\"a\"]]}",
      "{\"inputs\":[\"a\",1]}",
      "{\"inputs\":[\"a\",{}]}",
      "{\"inputs\":\"\"}",
      "{\"inputs\":[\"a\",\"\"]}",
      "{\"inputs\":[\"a\",\"b\",\"c\",4]}",
      "{\"inputs\":{\"text\":1}}",
      "{\"inputs\":{\"question\":1,\"context\":[]}}",
      "{\"inputs\":{\"question\":\"\",\"context\":\"\"}}",
      "{\"inputs\":\"\\ud800\"}",
      "{\"inputs\":\"a\",\"inputs\":\"b\"}",
      "{\"inputs\":\"a\",\"parameters\":[]}",
      "{\"inputs\":\"a\",\"parameters\":{\"top_k\":-1}}",
      "{\"inputs\":\"a\",\"parameters\":{\"top_k\":1e400}}",
      "{\"inputs\":\"a\",\"parameters\":{\"top_k\":9223372036854775807}}",
      "{\"inputs\":\"a\",\"options\":1}",
      "{\"inputs\":\"a\",\"model\":{}}",
      "{\"inputs\":\"a\",\"model\":\"nobody\"}",
      "{\"inputs\":[1,2,3],\"parameters\":{\"candidate_labels\":{}}}",
      "{\"input\":\"a\",\"dimensions\":0}",
      "{\"input\":[[1,2],[3,400000]]}",
      "{\"query\":1,\"texts\":[2]}",
      "{\"query\":\"a\",\"texts\":[]}",
      "{\"ids\":[]}",
      "{\"ids\":[[]]}",
      "{\"ids\":[99999999]}",
      "{\"ids\":[-5]}",
      "{\"ids\":\"a\"}",
      "{\"ids\":[[1],2]}",
      std::string(200, '[') + std::string(200, ']'),
      "{\"inputs\":" + std::string(60, '[') + std::string(60, ']') + "}"};
  return kBodies;
}

/// The flat error of text-embeddings-inference.
inline void expect_rejection(const HttpResponse& response, int status, const std::string& type,
                             const std::string& message) {
  EXPECT_EQ(response.status, status) << response.body;
  const nlohmann::json error = nlohmann::json::parse(response.body, nullptr, false);
  ASSERT_TRUE(error.is_object()) << response.body;
  EXPECT_EQ(error.value("error_type", ""), type) << response.body;
  EXPECT_EQ(error.value("error", ""), message);
}

}  // namespace roberta::server
