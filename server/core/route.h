#pragma once
// The tables of routes: each protocol has a table, and its own form of errors.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "server/core/http_error.h"
#include "server/core/request_context.h"

namespace roberta::server {

/// The error format of a group of routes.
struct Protocol {
  std::string_view name;  ///< "tei": value of the metrics' label `dialect`
  /// Body and additional headers of an error; may change the status (Azure: 400 for error.bad_input). The
  /// service adds Retry-After, WWW-Authenticate, Allow and the request's ids. May throw only bad_alloc.
  HttpResponse (*error)(const RequestContext& context, const ErrorResponse& error);
};

enum class Executor : uint8_t {
  kInline,  ///< on the I/O thread: quick, never waits, runs no model
  kWorker,  ///< on a worker thread, counted in max_concurrent_requests
};

struct Route {
  std::string_view method;   ///< "POST"; a GET route also serves HEAD
  std::string_view pattern;  ///< "/v2/models/{model}/infer"; "/v1/models/{model}:predict"
  Executor executor;
  HttpResponse (*handle)(RequestContext& context);
  bool open = false;           ///< needs no key (health, metrics, page)
  std::string_view operation;  ///< operationId in /openapi.json; "" = an alias or a page, not described there
  /// For kWorker: the handler runs a model. It is rejected early while the queue of the model is full, is
  /// counted in te_request_*, and its response has x-compute-* headers.
  bool computes = true;
};

struct RouteTable {
  const Protocol& protocol;
  std::span<const Route> routes;
};

/// One table for each protocol; router.cc lists them.
RouteTable operations_routes();  ///< /livez /readyz /startupz /health /ping /metrics /version
RouteTable azure_routes();
RouteTable platform_routes();  ///< POST / /invocations /vertex
RouteTable kserve_routes();
RouteTable tei_routes();
RouteTable openai_routes();
RouteTable pipeline_routes();
RouteTable ui_routes();

/// All tables.
std::span<const RouteTable> route_tables();
/// Errors are {"error": "...", "error_type": "..."}; also for unknown paths.
const Protocol& default_protocol();

struct Match {
  const RouteTable* table = nullptr;  ///< null: unknown path, 404
  const Route* route = nullptr;       ///< null with a table: unknown method, 405
  std::string allow;                  ///< for a known path: "GET, HEAD, OPTIONS"
  std::map<std::string, std::string, std::less<>> parameters;
};
Match find_route(std::string_view method, std::string_view path,
                 std::span<const RouteTable> tables = route_tables());

}  // namespace roberta::server
