#pragma once
// Options of the server. Defaults are those of text-embeddings-inference where it has them.

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
  int port = 3000;  ///< 0: any free port; HttpServer::port() returns it
  std::vector<std::pair<std::string, std::filesystem::path>>
      models;  ///< name and directory; the first is the default
  ModelOptions model;
  BatchingOptions batching;

  int max_concurrent_requests = 512;  ///< running or waiting; beyond: 429
  int max_client_batch_size = 32;     ///< inputs of one request
  int64_t payload_limit = 2'000'000;  ///< bytes of a body, decompressed too; beyond: 413
  bool auto_truncate = true;          ///< cut long texts unless a request says otherwise
  int max_connections = 8192;

  std::vector<std::string> api_keys;  ///< bearer keys; empty: no key needed
  std::string cors_allow_origin;      ///< "*" or origins separated by commas; empty: no CORS headers
  bool model_control = false;  ///< allow loading and unloading by /v2/repository (SIGHUP always reloads)
  bool access_log = false;     ///< one line of JSON for each request on standard error
  bool ui = true;
  /// Called for log messages ("model 'm' is ready ..."), from any thread; may be empty.
  std::function<void(const std::string& message, bool warning)> log;

  using ms = std::chrono::milliseconds;
  ms header_timeout{10'000};   ///< from the first byte (or the connection) to the end of the headers: 408
  ms body_timeout{30'000};     ///< from there to the end of the body: 408
  ms request_timeout{60'000};  ///< from there to the response: 504
  ms write_timeout{10'000};    ///< for a client to read 16 KiB of its response: closed
  ms idle_timeout{75'000};     ///< of a kept connection between requests
  ms drain_delay{0};           ///< after SIGTERM: /readyz responds 503, new connections are still accepted
  ms drain_timeout{30'000};    ///< after that, for accepted requests to finish
};

}  // namespace roberta::server
