#pragma once
// What a handler gets: the request, where it came in, and what it may use. Handlers are plain blocking
// functions on a worker thread of their own; they throw, the service turns exceptions into the dialect's
// error.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "roberta/shared_model.h"
#include "server/core/message.h"
#include "server/core/metrics.h"
#include "server/core/options.h"
#include "server/core/registry.h"

namespace roberta::server {

struct Exchange {
  /// The request and the others are borrowed and outlive the exchange.
  Exchange(const HttpRequest& request, const ServeOptions& options, ModelRegistry& registry,
           Metrics& metrics);

  const HttpRequest& request;
  const ServeOptions& options;
  ModelRegistry& registry;
  Metrics& metrics;
  std::string request_id;  ///< printable ASCII, at most 100 characters
  std::map<std::string, std::string, std::less<>> path_parameters;  ///< of "/v2/models/{model}/infer"
  std::shared_ptr<RequestScope> scope;
  RequestScope::Clock::time_point begun;  ///< when the request was complete
  bool draining = false;                  ///< the server was asked to stop

  /// Set by handlers, for logs, metrics and the headers of TEI.
  std::string model_name;
  int64_t inputs = 0;      ///< texts (or pairs)
  int64_t characters = 0;  ///< of all texts

  /// The model that a request names, or the default for "". Remembers it: it lives as long as the exchange.
  /// HttpError 404 when there is none of that name, 503 while it loads.
  const ServedModel& use_model(std::string_view name = {});
  /// The default model, or of several the first whose task that is; HttpError 404 when there is none, 503
  /// while models load.
  const ServedModel& use_model_for(std::string_view task);
  /// A Model of this request over the one in use (use_model() first).
  Model& model();

 private:
  const ServedModel& use(std::shared_ptr<const ServedModel> found);

  std::shared_ptr<const ServedModel> used_;
  std::optional<Model> opened_;  // below used_: goes first
};

}  // namespace roberta::server
