#include <gtest/gtest.h>

#include <set>

#include "server/core/route.h"

namespace roberta::server {
namespace {

HttpResponse nothing(RequestContext&) { return {}; }
HttpResponse no_error(const RequestContext&, const ErrorResponse&) { return {}; }

constexpr Protocol kFirst{"tei", no_error}, kSecond{"kserve", no_error};
constexpr Route kFirstRoutes[] = {
    {"GET", "/", Executor::kInline, nothing},
    {"POST", "/embed", Executor::kWorker, nothing},
    {"GET", "/v2/models/{model}", Executor::kInline, nothing},
};
constexpr Route kSecondRoutes[] = {
    {"POST", "/", Executor::kWorker, nothing},
    {"GET", "/v1/models/{model}", Executor::kInline, nothing},
    {"POST", "/v1/models/{model}:predict", Executor::kWorker, nothing},
    {"GET", "/v2/models/stats", Executor::kInline, nothing},
    {"POST", "/v2/models/{model}/versions/{version}/infer", Executor::kWorker, nothing},
};
const RouteTable kTables[] = {{kFirst, kFirstRoutes}, {kSecond, kSecondRoutes}};

Match find(std::string_view method, std::string_view path) { return find_route(method, path, kTables); }

TEST(Router, FindsByMethodAndPath) {
  const Match match = find("POST", "/embed");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.route->pattern, "/embed");
  EXPECT_EQ(match.table->protocol.name, "tei");
}

TEST(Router, HeadUsesGet) {
  const Match match = find("HEAD", "/");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.route->method, "GET");
}

TEST(Router, TablesMayShareAPath) {
  EXPECT_EQ(find("GET", "/").table->protocol.name, "tei");
  EXPECT_EQ(find("POST", "/").table->protocol.name, "kserve");
}

TEST(Router, Parameters) {
  Match match = find("POST", "/v2/models/my-model/versions/3/infer");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.parameters["model"], "my-model");
  EXPECT_EQ(match.parameters["version"], "3");
  match = find("POST", "/v1/models/a:b:predict");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.parameters["model"], "a:b");
}

TEST(Router, LiteralsWinOverParameters) {
  EXPECT_EQ(find("GET", "/v2/models/stats").route->pattern, "/v2/models/stats");
  EXPECT_EQ(find("GET", "/v2/models/statistics").route->pattern, "/v2/models/{model}");
}

TEST(Router, SuffixesAreNotPartOfNames) {
  EXPECT_EQ(find("POST", "/v1/models/m:predict").route->pattern, "/v1/models/{model}:predict");
  EXPECT_FALSE(find("GET", "/v1/models/m:predict").route);
  EXPECT_EQ(find("GET", "/v1/models/m:predict").allow, "POST, OPTIONS");
  EXPECT_EQ(find("GET", "/v1/models/m:other").route->pattern, "/v1/models/{model}");
}

TEST(Router, UnknownPaths) {
  for (const char* path : {"/embe", "/embed/", "/embedd", "//", "", "embed", "/v2/models/", "/v1/models/",
                           "/v2/models/m/versions/1", "/v2/models/m/versions//infer", "*"}) {
    const Match match = find("POST", path);
    EXPECT_FALSE(match.table) << path;
    EXPECT_FALSE(match.route) << path;
  }
}

TEST(Router, AllowNamesTheMethodsOfAPath) {
  EXPECT_EQ(find("DELETE", "/").allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(find("GET", "/embed").allow, "POST, OPTIONS");
  EXPECT_EQ(find("OPTIONS", "/v2/models/stats").allow, "GET, HEAD, OPTIONS");
}

TEST(Router, RoutesAreUnique) {
  std::set<std::string> seen;
  for (const RouteTable& table : route_tables()) {
    for (const Route& route : table.routes) {
      EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.pattern)).second)
          << route.method << " " << route.pattern;
      EXPECT_TRUE(route.pattern.starts_with('/'));
      EXPECT_TRUE(route.handle);
    }
  }
}

}  // namespace
}  // namespace roberta::server
