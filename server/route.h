#pragma once
// The tables of routes. Each dialect is one file with its handlers, its errors and its rows.

#include <span>
#include <string_view>

#include "exchange.h"
#include "http_error.h"

namespace roberta::server {

/// How a family of routes speaks of errors. Status 401 has no body anywhere but where the dialect says so.
struct Dialect {
  std::string_view name;  ///< "tei": value of a metric's label
  /// Body and further headers of a refusal; the status may be changed (Azure: 400 where refusal.bad_input).
  HttpResponse (*error)(const Exchange& exchange, const Refusal& refusal);
};

enum class Where : uint8_t {
  kInline,   ///< on the I/O thread: quick, never waits, no model's pass
  kWorker,   ///< on a worker thread, counted in max_concurrent_requests
};

struct Route {
  std::string_view method;   ///< "POST"; a GET route answers HEAD too
  std::string_view pattern;  ///< "/v2/models/{model}/infer"
  Where where;
  HttpResponse (*handle)(Exchange& exchange);
  bool open = false;  ///< no key needed (health, metrics, page)
  std::string_view operation;  ///< operationId of /openapi.json; "" = an alias or a page, not described there
};

struct RouteTable {
  const Dialect& dialect;
  std::span<const Route> routes;
};

/// All tables (router.cc lists them): azure, tei, openai, kserve, pipelines, own (health, ui, openapi).
std::span<const RouteTable> route_tables();

struct Match {
  const RouteTable* table = nullptr;  ///< null: no such path: 404
  const Route* route = nullptr;       ///< null with a table: another method: 405
  std::string allow;                  ///< of 405: "GET, HEAD"
  std::map<std::string, std::string, std::less<>> parameters;
};
Match find_route(std::string_view method, std::string_view path);

}  // namespace roberta::server
