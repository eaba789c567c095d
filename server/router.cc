#include <algorithm>

#include "route.h"

namespace roberta::server {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// The first segment of a path, which it loses: "/a/b" -> "a", leaving "/b".
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

/// "{model}:predict" against "m:predict". A parameter is never empty.
bool matches_segment(std::string_view pattern, std::string_view segment, Parameters* parameters) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == segment;
  const size_t close = pattern.find('}', open);
  const std::string_view before = pattern.substr(0, open), after = pattern.substr(close + 1);
  if (segment.size() <= before.size() + after.size() || !segment.starts_with(before) ||
      !segment.ends_with(after))
    return false;
  if (parameters) {
    const std::string_view value =
        segment.substr(before.size(), segment.size() - before.size() - after.size());
    parameters->emplace(pattern.substr(open + 1, close - open - 1), value);
  }
  return true;
}

bool matches(std::string_view pattern, std::string_view path, Parameters* parameters) {
  while (!pattern.empty() && !path.empty()) {
    if (!matches_segment(take_segment(pattern), take_segment(path), parameters)) return false;
  }
  return pattern.empty() && path.empty();
}

bool is_literal(std::string_view pattern) { return pattern.find('{') == std::string_view::npos; }

bool answers(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

/// The methods of a path, for Allow; several tables may share it ("/").
std::string methods_of(std::string_view path, std::span<const RouteTable> tables) {
  std::string out;
  auto add = [&](std::string_view method) {
    if (out.find(method) == std::string::npos) out += (out.empty() ? "" : ", ") + std::string(method);
  };
  for (const RouteTable& table : tables) {
    for (const Route& route : table.routes) {
      if (!matches(route.pattern, path, nullptr)) continue;
      add(route.method);
      if (route.method == "GET") add("HEAD");
    }
  }
  if (!out.empty()) add("OPTIONS");
  return out;
}

}  // namespace

std::span<const RouteTable> route_tables() {
  static const RouteTable kTables[] = {
      own_routes(), azure_routes(),  platform_routes(), kserve_routes(),
      tei_routes(), openai_routes(), pipeline_routes(), ui_routes(),
  };
  return kTables;
}

Match find_route(std::string_view method, std::string_view path, std::span<const RouteTable> tables) {
  Match out;
  if (!path.starts_with('/')) return out;
  for (const RouteTable& table : tables) {
    for (const Route& route : table.routes) {
      if (!matches(route.pattern, path, nullptr)) continue;
      if (!out.table) out.table = &table;
      // A path spelled out goes before one with a parameter: /v2/models/stats is no model's name.
      if (!answers(route, method) || (out.route && !is_literal(route.pattern))) continue;
      out.table = &table;
      out.route = &route;
      if (is_literal(route.pattern) && method != "OPTIONS") return out;
    }
  }
  if (out.route) matches(out.route->pattern, path, &out.parameters);
  if (out.table && (!out.route || method == "OPTIONS")) out.allow = methods_of(path, tables);
  return out;
}

}  // namespace roberta::server
