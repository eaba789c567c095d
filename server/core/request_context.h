#pragma once
// What a handler gets: the request and what the handler may use. Handlers are plain blocking functions on a
// worker thread; the service turns the exceptions that they throw into the protocol's error.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "roberta/shared_model.h"
#include "server/core/http_message.h"
#include "server/core/metrics.h"
#include "server/core/options.h"
#include "server/core/registry.h"

namespace roberta::server {

struct RequestContext {
  /// All arguments are borrowed and must outlive the context.
  RequestContext(const HttpRequest& request, const ServeOptions& options, ModelRegistry& registry,
                 Metrics& metrics);

  const HttpRequest& request;
  const ServeOptions& options;
  ModelRegistry& registry;
  Metrics& metrics;
  std::string request_id;  ///< printable ASCII, at most 100 characters
  std::map<std::string, std::string, std::less<>> path_parameters;  ///< of "/v2/models/{model}/infer"
  std::shared_ptr<RequestScope> scope;
  RequestScope::Clock::time_point received;  ///< when the request was complete
  bool draining = false;                     ///< the server is shutting down

  /// Set by handlers, for logs, metrics and TEI's headers.
  std::string model_name;
  int64_t inputs = 0;      ///< texts (or pairs)
  int64_t characters = 0;  ///< of all texts

  /// The model with that name, or the default model for "". It stays in use, and lives as long as the
  /// context. HttpError 404 for an unknown name, 503 while the model loads.
  const ServedModel& use_model(std::string_view name = {});
  /// A Model of this request over the model in use (after use_model()).
  Model& model();

 private:
  const ServedModel& use(std::shared_ptr<const ServedModel> found);

  std::shared_ptr<const ServedModel> used_;
  std::optional<Model> opened_;  // after used_, so that it is destroyed first
};

}  // namespace roberta::server
