#pragma once
// What `roberta serve` can be told. Defaults are those of text-embeddings-inference where it has them.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "roberta/shared_model.h"

namespace roberta::server {

struct ServeOptions {
  std::string host = "127.0.0.1";
  int port = 3000;  ///< 0: any free one; the one taken is told on standard error and by HttpServer::port()
  std::vector<std::pair<std::string, std::filesystem::path>>
      models;  ///< name and directory; the first is the default
  ModelOptions model;
  BatchingOptions batching;

  int max_concurrent_requests = 512;  ///< being worked on or waiting; beyond: 429
  int max_client_batch_size = 32;     ///< inputs of one request
  int64_t payload_limit = 2'000'000;  ///< bytes of a body, decompressed too; beyond: 413
  bool auto_truncate = true;          ///< cut long texts where a request says nothing
  int max_connections = 8192;

  std::vector<std::string> api_keys;  ///< bearer keys; empty: open
  std::string cors_allow_origin;      ///< "*" or origins with commas between; empty: no CORS headers
  bool model_control = false;  ///< allow loading and unloading by /v2/repository (SIGHUP always reloads)
  bool access_log = false;     ///< one JSON line a request on standard error
  bool ui = true;
  /// What operators should know ("model 'm' is ready ..."), from any thread; empty: nobody is told.
  std::function<void(const std::string& message, bool warning)> log;

  using ms = std::chrono::milliseconds;
  ms header_timeout{10'000};   ///< from the first byte (or the connection) to the end of the headers: 408
  ms body_timeout{30'000};     ///< from there to the end of the body: 408
  ms request_timeout{60'000};  ///< from there to the answer: 504
  ms write_timeout{10'000};    ///< without a byte taken by a client that reads slowly: closed
  ms idle_timeout{75'000};     ///< of a kept connection between requests
  ms drain_delay{0};           ///< after SIGTERM: /readyz says 503, new connections are still taken
  ms drain_timeout{30'000};    ///< after that, for what has been accepted
};

}  // namespace roberta::server
