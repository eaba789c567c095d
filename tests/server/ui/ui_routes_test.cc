// The files of the page, /ui/models.json, and /openapi.json compared with the route tables.

#include <gtest/gtest.h>

#include <future>
#include <regex>
#include <set>

#include "io/json/json.h"
#include "server/core/route.h"
#include "server/core/service.h"
#include "server/ui/ui_files.h"

namespace roberta::server {
namespace {

HttpRequest get(std::string path, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {.method = "GET", .path = std::move(path), .headers = std::move(headers)};
}
std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}
std::string body_of(const HttpResponse& response) {
  return response.static_body.empty() ? response.body : std::string(response.static_body);
}

/// A service without models, or with the model of this repository.
struct Served {
  explicit Served(ServeOptions given = {}) : options(std::move(given)) {
    if (options.models.empty()) return;
    std::promise<std::string> done;
    registry.start([&](const std::string& error, int) { done.set_value(error); });
    EXPECT_EQ(done.get_future().get(), "");
  }
  HttpResponse call(HttpRequest request) { return service.call(std::move(request)); }

  ServeOptions options;
  Metrics metrics;
  ModelRegistry registry{options};
  Service service{options, registry, metrics};
};

TEST(Page, IsServedWithItsTypeAndPolicy) {
  Served served;
  const HttpResponse page = served.call(get("/ui"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(body_of(page).starts_with("<!doctype html>"));
  EXPECT_TRUE(header_of(page, "Content-Security-Policy").starts_with("default-src 'self';"));
  EXPECT_EQ(header_of(page, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(served.call(get("/docs")).status, 200);
  EXPECT_EQ(served.call(get("/ui/app.js")).content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(served.call(get("/ui/nothing.js")).status, 404);
  const HttpResponse moved = served.call(get("/ui/"));
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(header_of(moved, "Location"), "../ui");
}

TEST(Page, IsCached) {
  Served served;
  const std::string etag = header_of(served.call(get("/ui/app.js")), "ETag");
  ASSERT_EQ(etag.size(), 18u);
  EXPECT_NE(etag, header_of(served.call(get("/ui/style.css")), "ETag"));
  for (const std::string& known : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    const HttpResponse again = served.call(get("/ui/app.js", {{"if-none-match", known}}));
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(body_of(again), "");
    EXPECT_EQ(header_of(again, "ETag"), etag);
  }
  EXPECT_EQ(served.call(get("/ui/app.js", {{"if-none-match", "\"other\""}})).status, 200);
}

TEST(Page, CanBeDisabled) {
  Served served({.ui = false});
  for (const char* path : {"/ui", "/ui/", "/ui/app.js", "/ui/models.json", "/docs"})
    EXPECT_EQ(served.call(get(path)).status, 404) << path;
  EXPECT_EQ(served.call(get("/openapi.json")).status, 200);
}

/// Quoted names in the files: scripts, styles, images, imports.
TEST(Page, RefersToItsOwnFilesOnly) {
  std::set<std::string> named;
  for (const EmbeddedFile& file : ui_files()) {
    const std::string text(file.bytes);
    const std::regex reference(R"re((?:href|src)="(?!#)([^"]*)"|from '\./([^']*)')re");
    for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at) {
      std::string name = (*at)[1].matched ? (*at)[1] : (*at)[2];
      EXPECT_EQ(name.find(':'), std::string::npos) << file.name << " refers to " << name;
      if (name == "ui" || name == "docs") continue;
      named.insert(name.starts_with("ui/") ? name.substr(3) : name);
    }
    EXPECT_EQ(text.find("<style"), std::string::npos) << "the policy forbids styles inside " << file.name;
    EXPECT_EQ(text.find(" style=\""), std::string::npos) << "the policy forbids styles inside " << file.name;
  }
  EXPECT_TRUE(named.contains("app.js") && named.contains("dom.js") && named.contains("style.css"));
  Served served;
  for (const std::string& name : named)
    EXPECT_EQ(served.call(get(name == "openapi.json" ? "/" + name : "/ui/" + name)).status, 200) << name;
}

TEST(Page, ListsTheModels) {
  Served none;
  EXPECT_TRUE(parse_json(none.call(get("/ui/models.json")).body, "test", "models").at("models").empty());
  Served served({.models = {{"small", ROBERTA_SOURCE_DIR "/models/roberta-small-english"}}});
  const HttpResponse response = served.call(get("/ui/models.json"));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json models = parse_json(response.body, "test", "models").at("models");
  ASSERT_EQ(models.size(), 1u);
  const Json& model = models[0];
  EXPECT_EQ(model.at("name"), "small");
  EXPECT_EQ(model.at("state"), "ready");
  EXPECT_EQ(model.at("tasks"), (std::vector<std::string>{"fill-mask", "embed", "tokens"}));
  EXPECT_EQ(model.at("task"), "fill-mask");
  EXPECT_EQ(model.at("layers"), 6);
  EXPECT_EQ(model.at("max_length"), 512);
  EXPECT_EQ(model.at("precision"), "fp32");
  EXPECT_EQ(model.at("mask_token"), "<mask>");
  EXPECT_GT(model.at("parameters"), 8'000'000);
}

TEST(Page, FilesNeedNoKeyButFactsDo) {
  Served served({.api_keys = {"secret"}});
  for (const char* path : {"/ui", "/ui/app.js", "/docs", "/openapi.json"})
    EXPECT_EQ(served.call(get(path)).status, 200) << path;
  EXPECT_EQ(served.call(get("/ui/models.json")).status, 401);
  EXPECT_EQ(served.call(get("/ui/models.json", {{"authorization", "Bearer secret"}})).status, 200);
}

// ---- /openapi.json

Json openapi() {
  Served served;
  return parse_json(body_of(served.call(get("/openapi.json"))), "test", "openapi.json");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

TEST(OpenApi, DescribesAllRoutes) {
  std::map<std::string, std::string> described, there;  // "post /embed" -> operationId
  const Json document = openapi();
  for (const auto& [path, item] : document.at("paths").items())
    for (const auto& [method, operation] : item.items())
      described[method + " " + path] = operation.at("operationId");
  for (const RouteTable& table : route_tables())
    for (const Route& route : table.routes)
      if (!route.operation.empty())
        there[lower(route.method) + " " + std::string(route.pattern)] = route.operation;
  EXPECT_EQ(described, there);
  EXPECT_GT(there.size(), 20u);
}

/// Every described route needs a key unless it is open.
TEST(OpenApi, KnowsWhichRoutesNeedAKey) {
  const Json document = openapi();
  for (const RouteTable& table : route_tables()) {
    for (const Route& route : table.routes) {
      if (route.operation.empty()) continue;
      const Json& operation = document.at("paths").at(route.pattern).at(lower(route.method));
      EXPECT_EQ(operation.contains("security"), route.open) << route.pattern;
      EXPECT_EQ(operation.at("responses").contains("401"), !route.open) << route.pattern;
    }
  }
}

void check_references(const Json& at, const Json& document) {
  if (at.is_object() && at.contains("$ref")) {
    const std::string target = at.at("$ref");
    ASSERT_TRUE(target.starts_with("#/"));
    EXPECT_TRUE(document.contains(Json::json_pointer(target.substr(1)))) << target;
  }
  if (at.is_structured())
    for (const Json& child : at) check_references(child, document);
}

TEST(OpenApi, HasNoDanglingReferences) {
  const Json document = openapi();
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  EXPECT_EQ(document.at("info").at("version").get<std::string>().find('@'), std::string::npos);
  check_references(document, document);
  std::set<std::string> tags, ids;
  for (const Json& tag : document.at("tags")) tags.insert(tag.at("name"));
  for (const auto& [path, item] : document.at("paths").items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << path;
      EXPECT_TRUE(tags.contains(operation.at("tags").at(0))) << path;
      std::set<std::string> wanted, given;
      const std::regex name("\\{([^}]*)\\}");
      for (std::sregex_iterator found(path.begin(), path.end(), name), end; found != end; ++found)
        wanted.insert((*found)[1]);
      for (const Json& parameter : operation.value("parameters", Json::array()))
        if (parameter.at("in") == "path") given.insert(parameter.at("name"));
      EXPECT_EQ(wanted, given) << path;
    }
  }
}

}  // namespace
}  // namespace roberta::server
