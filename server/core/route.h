#pragma once
// The tables of routes. Each dialect is one file with its handlers, its errors and its rows.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "server/core/exchange.h"
#include "server/core/http_error.h"

namespace roberta::server {

/// How a family of routes speaks of errors. Status 401 has no body anywhere but where the dialect says so.
struct Dialect {
  std::string_view name;  ///< "tei": value of a metric's label
  /// Body and further headers of a refusal; the status may be changed (Azure: 400 where refusal.bad_input).
  /// The service adds Retry-After, WWW-Authenticate, Allow and the request's ids. Must not throw but
  /// bad_alloc.
  HttpResponse (*error)(const Exchange& exchange, const Refusal& refusal);
};

enum class Where : uint8_t {
  kInline,  ///< on the I/O thread: quick, never waits, no model's pass
  kWorker,  ///< on a worker thread, counted in max_concurrent_requests
};

struct Route {
  std::string_view method;   ///< "POST"; a GET route answers HEAD too
  std::string_view pattern;  ///< "/v2/models/{model}/infer"; "/v1/models/{model}:predict"
  Where where;
  HttpResponse (*handle)(Exchange& exchange);
  bool open = false;           ///< no key needed (health, metrics, page)
  std::string_view operation;  ///< operationId of /openapi.json; "" = an alias or a page, not described there
  /// Of kWorker: it runs a model, so it is refused early while that model's queue is full, counted among
  /// te_request_*, and answers with x-compute-*.
  bool computes = true;
};

struct RouteTable {
  const Dialect& dialect;
  std::span<const Route> routes;
};

/// The rows of each file; router.cc lists them.
RouteTable own_routes();  ///< /livez /readyz /startupz /health /ping /metrics /version
RouteTable azure_routes();
RouteTable platform_routes();  ///< POST / /invocations /vertex
RouteTable kserve_routes();
RouteTable tei_routes();
RouteTable openai_routes();
RouteTable pipeline_routes();
RouteTable ui_routes();

/// All tables.
std::span<const RouteTable> route_tables();
/// {"error": "...", "error_type": "..."}, as the own routes and unknown paths answer.
const Dialect& own_dialect();

struct Match {
  const RouteTable* table = nullptr;  ///< null: no such path: 404
  const Route* route = nullptr;       ///< null with a table: another method: 405
  std::string allow;                  ///< of a known path: "GET, HEAD, OPTIONS"
  std::map<std::string, std::string, std::less<>> parameters;
};
Match find_route(std::string_view method, std::string_view path,
                 std::span<const RouteTable> tables = route_tables());

}  // namespace roberta::server
