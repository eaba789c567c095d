#pragma once
// A service with tiny models of every task, for the fuzz targets of the server; and checks of every response.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "server/core/metrics.h"
#include "server/core/options.h"
#include "server/core/registry.h"
#include "server/core/service.h"
#include "tests/golden_directories.h"

namespace roberta::fuzzing {

inline server::ServeOptions serve_options(const std::filesystem::path& scratch) {
  server::ServeOptions options;
  options.models = {{"m", golden_directory()},
                    {"classes", make_head_model(scratch / "classes", "sequence",
                                                {"CONTRADICTION", "NEUTRAL", "ENTAILMENT"})},
                    {"tags", make_head_model(scratch / "tags", "tokens")},
                    {"spans", make_head_model(scratch / "spans", "spans")}};
  options.model.threads = 1;
  options.max_client_batch_size = 8;
  return options;
}

/// Lives as long as the process.
struct FuzzServer {
  std::filesystem::path scratch =
      std::filesystem::temp_directory_path() / ("roberta-fuzz-" + std::to_string(getpid()));
  server::ServeOptions options = serve_options(scratch);
  server::Metrics metrics;
  server::ModelRegistry registry{options, &metrics};
  server::Service service{options, registry, metrics};

  static FuzzServer& get() {
    static FuzzServer* const server = new FuzzServer;
    return *server;
  }

 private:
  FuzzServer() {
    registry.start_and_wait();
    std::filesystem::remove_all(scratch);
  }
};

inline void show(const char* what, const server::HttpRequest& request, const server::HttpResponse& response) {
  std::fprintf(stderr, "%s: %s %s: %d %s\n", what, request.method.c_str(), request.path.c_str(),
               response.status, response.body.substr(0, 1000).c_str());
}

[[noreturn]] inline void fail_check(const server::HttpRequest& request, const server::HttpResponse& response,
                                    const char* what) {
  show(what, request, response);
  std::abort();
}

/// No request causes a server error; responses of type JSON are valid JSON; and headers contain no control
/// characters of a request. ROBERTA_FUZZ_SHOW prints all responses, to see whether seeds reach their routes.
inline void check_response(const server::HttpRequest& request, const server::HttpResponse& response) {
  static const bool kShow = std::getenv("ROBERTA_FUZZ_SHOW") != nullptr;
  if (kShow) show("answer", request, response);
  const int status = response.status;
  if (status < 200 || status > 599 || status == 500) fail_check(request, response, "status");
  if (response.content_type == "application/json" && response.static_body.empty() && !response.body.empty() &&
      !nlohmann::json::accept(response.body))
    fail_check(request, response, "not JSON");
  for (const auto& [name, value] : response.headers) {
    for (const std::string& text : {name, value}) {
      for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) fail_check(request, response, "header");
      }
    }
  }
}

}  // namespace roberta::fuzzing
