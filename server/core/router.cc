#include <algorithm>
#include <string>
#include <vector>

#include "server/core/route.h"

namespace roberta::server {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// Removes the first segment of a path: "/a/b" -> "a", leaving "/b".
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

/// The number of characters outside parameters. Of the patterns that match a path the most specific ones win:
/// "stats" in /v2/models/stats is not the name of a model, nor is "m:predict" in /v1/models/m:predict.
size_t literal_length(std::string_view pattern) {
  size_t length = 0;
  bool inside = false;
  for (const char c : pattern) {
    inside = c == '{' || (inside && c != '}');
    length += !inside;
  }
  return length;
}

bool accepts(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

/// The routes of a path for all methods; several tables may share a path ("/").
std::vector<Match> routes_of(std::string_view path, std::span<const RouteTable> tables) {
  std::vector<Match> out;
  size_t max_length = 0;
  for (const RouteTable& table : tables) {
    for (const Route& route : table.routes) {
      const size_t length = literal_length(route.pattern);
      if (length < max_length || !matches(route.pattern, path, nullptr)) continue;
      if (length > max_length) out.clear();
      max_length = length;
      out.push_back({.table = &table, .route = &route});
    }
  }
  return out;
}

std::string methods_of(const std::vector<Match>& routes) {
  std::string out;
  auto add = [&](std::string_view method) {
    if (out.find(method) == std::string::npos) out += (out.empty() ? "" : ", ") + std::string(method);
  };
  for (const Match& match : routes) {
    add(match.route->method);
    if (match.route->method == "GET") add("HEAD");
  }
  add("OPTIONS");
  return out;
}

}  // namespace

std::span<const RouteTable> route_tables() {
  static const RouteTable kTables[] = {
      operations_routes(), azure_routes(),  platform_routes(), kserve_routes(),
      tei_routes(),        openai_routes(), pipeline_routes(), ui_routes(),
  };
  return kTables;
}

Match find_route(std::string_view method, std::string_view path, std::span<const RouteTable> tables) {
  Match out;
  if (!path.starts_with('/')) return out;
  const std::vector<Match> routes = routes_of(path, tables);
  if (routes.empty()) return out;
  const auto found = std::find_if(routes.begin(), routes.end(),
                                  [&](const Match& match) { return accepts(*match.route, method); });
  out.table = (found == routes.end() ? routes.front() : *found).table;
  if (found != routes.end()) {
    out.route = found->route;
    matches(out.route->pattern, path, &out.parameters);
  }
  if (!out.route || method == "OPTIONS") out.allow = methods_of(routes);
  return out;
}

}  // namespace roberta::server
