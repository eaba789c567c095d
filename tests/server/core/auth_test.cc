// Keys, origins and ids: checks before the routes.

#include <gtest/gtest.h>

#include <regex>

#include "server/core/auth.h"
#include "server/core/cors.h"
#include "server/core/request_ids.h"
#include "tests/expect_error.h"
#include "tests/server/core/service_fixture.h"

namespace roberta::server {
namespace {

TEST(ApiKeys, WithoutKeysAllAreAuthorized) {
  EXPECT_TRUE(ApiKeys({}).authorizes(""));
  EXPECT_TRUE(ApiKeys({}).authorizes("Basic abc"));
}

TEST(ApiKeys, OnlyTheKeysAuthorize) {
  const ApiKeys keys({"sesame", "another-key"});
  EXPECT_TRUE(keys.authorizes("Bearer sesame"));
  EXPECT_TRUE(keys.authorizes("bearer another-key"));
  EXPECT_TRUE(keys.authorizes("BEARER   sesame"));
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "sesame", "Basic sesame", "Bearer sesam", "Bearer sesame1", "Bearer Sesame",
        "Bearer sesame ", "Bearer sesame,another-key", "Bearersesame", "Bearer xesame", "Bearer sesamf"})
    EXPECT_FALSE(keys.authorizes(wrong)) << wrong;
}

TEST(ApiKeys, LongAndOddTokens) {
  const std::string longest(256, 'k');
  const ApiKeys keys({longest});
  EXPECT_TRUE(keys.authorizes("Bearer " + longest));
  EXPECT_FALSE(keys.authorizes("Bearer " + longest + "k"));
  EXPECT_FALSE(keys.authorizes("Bearer " + std::string(255, 'k')));
  EXPECT_FALSE(keys.authorizes("Bearer " + std::string(256 + 65536, 'k')));
  const ApiKeys short_key({"k"});
  EXPECT_FALSE(short_key.authorizes(std::string("Bearer k\0", 9)));  // padding is not a wildcard
  EXPECT_FALSE(short_key.authorizes("Bearer kk"));
}

TEST(ApiKeys, RejectsInvalidKeys) {
  EXPECT_ERROR(ErrorCode::kUsage, ApiKeys({""}), "API key");
  EXPECT_ERROR(ErrorCode::kUsage, ApiKeys({"two words"}), "API key");
  EXPECT_ERROR(ErrorCode::kUsage, ApiKeys({std::string(257, 'k')}), "API key");
}

HttpRequest from(const std::string& origin) { return request_of("GET", "/", "", {{"origin", origin}}); }

HttpResponse shown(const Cors& cors, const HttpRequest& request) {
  HttpResponse out;
  cors.add_headers(request, out);
  return out;
}

TEST(Cors, OffByDefault) {
  const Cors cors("");
  EXPECT_TRUE(shown(cors, from("https://a.example")).headers.empty());
}

TEST(Cors, Star) {
  const Cors cors("*");
  EXPECT_EQ(header_of(shown(cors, from("https://a.example")), "access-control-allow-origin"), "*");
  EXPECT_TRUE(shown(cors, request_of("GET", "/")).headers.empty());
}

TEST(Cors, OnlyTheListedOrigins) {
  const Cors cors("https://a.example, http://localhost:8080");
  EXPECT_EQ(header_of(shown(cors, from("http://localhost:8080")), "access-control-allow-origin"),
            "http://localhost:8080");
  EXPECT_EQ(header_of(shown(cors, from("http://localhost:8080")), "vary"), "Origin");
  for (const char* other : {"https://b.example", "https://a.example.evil", "null", "http://a.example"}) {
    EXPECT_FALSE(has_header(shown(cors, from(other)), "access-control-allow-origin")) << other;
    EXPECT_TRUE(has_header(shown(cors, from(other)), "vary"));
  }
}

TEST(Cors, Preflight) {
  const Cors cors("https://a.example");
  HttpRequest request = from("https://a.example");
  request.headers.emplace_back("access-control-request-method", "POST");
  const HttpResponse yes = cors.preflight(request, "POST, OPTIONS");
  EXPECT_EQ(yes.status, 200);
  EXPECT_TRUE(yes.body.empty());
  EXPECT_EQ(header_of(yes, "access-control-allow-methods"), "POST, OPTIONS");
  EXPECT_NE(header_of(yes, "access-control-allow-headers").find("authorization"), std::string::npos);
  const HttpResponse no = cors.preflight(from("https://b.example"), "POST, OPTIONS");
  EXPECT_EQ(header_of(no, "allow"), "POST, OPTIONS");
  EXPECT_FALSE(has_header(no, "access-control-allow-methods"));
}

TEST(Cors, RejectsInvalidOrigins) {
  EXPECT_ERROR(ErrorCode::kUsage, Cors("a.example"), "cors-allow-origin", "a.example");
  EXPECT_ERROR(ErrorCode::kUsage, Cors("https://a.example/page"), "cors-allow-origin");
}

TEST(RequestIds, MadeWhenAbsent) {
  const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  const RequestIds ids = read_ids(request_of("GET", "/"));
  EXPECT_TRUE(std::regex_match(ids.request, uuid)) << ids.request;
  EXPECT_NE(ids.request, read_ids(request_of("GET", "/")).request);
  HttpResponse response;
  add_id_headers(ids, true, response);
  EXPECT_EQ(header_of(response, "x-request-id"), ids.request);
  EXPECT_EQ(header_of(response, "x-ms-request-id"), ids.request);
  EXPECT_FALSE(has_header(response, "x-ms-client-request-id"));
}

/// As in the tests of Azure's inference server.
TEST(RequestIds, LegacyAndClientId) {
  auto response_to = [](Headers headers) {
    HttpResponse out;
    add_id_headers(read_ids(request_of("GET", "/", "", std::move(headers))), false, out);
    return out;
  };
  HttpResponse out = response_to({{"x-ms-request-id", "A"}});
  EXPECT_EQ(header_of(out, "x-ms-request-id"), "A");
  EXPECT_EQ(header_of(out, "x-ms-client-request-id"), "A");
  out = response_to({{"x-ms-client-request-id", "A"}});
  EXPECT_EQ(header_of(out, "x-ms-request-id"), "A");
  EXPECT_EQ(header_of(out, "x-ms-client-request-id"), "A");
  out = response_to({{"x-ms-request-id", "A"}, {"x-ms-client-request-id", "B"}, {"x-request-id", "C"}});
  EXPECT_EQ(header_of(out, "x-request-id"), "C");
  EXPECT_EQ(header_of(out, "x-ms-request-id"), "A");
  EXPECT_EQ(header_of(out, "x-ms-client-request-id"), "B");
  out = response_to({{"x-request-id", "C"}});
  EXPECT_FALSE(has_header(out, "x-ms-request-id"));
}

TEST(RequestIds, TooLong) {
  const std::string longest(100, 'A'), too_long(101, 'A');
  EXPECT_EQ(read_ids(request_of("GET", "/", "", {{"x-request-id", longest}})).problem, "");
  RequestIds ids = read_ids(request_of("GET", "/", "", {{"x-request-id", too_long}}));
  EXPECT_EQ(ids.problem, "x-request-id must not exceed 100 characters");
  HttpResponse response;
  add_id_headers(ids, true, response);
  EXPECT_TRUE(response.headers.empty());
  for (const char* name : {"x-ms-request-id", "x-ms-client-request-id"}) {
    ids = read_ids(request_of("GET", "/", "", {{"x-request-id", "A"}, {name, too_long}}));
    EXPECT_EQ(ids.problem, "x-ms-request-id and x-ms-client-request-id must not exceed 100 characters");
    HttpResponse with_id;
    add_id_headers(ids, true, with_id);
    EXPECT_EQ(header_of(with_id, "x-request-id"), "A");
    EXPECT_FALSE(has_header(with_id, "x-ms-request-id"));
  }
}

TEST(RequestIds, OnlyPrintableAsciiComesBack) {
  const RequestIds ids = read_ids(request_of(
      "GET", "/", "", {{"x-request-id", "a\r\nset-cookie: b\x1b[31m\xc3\xa9"}, {"traceid", "x\ny"}}));
  EXPECT_EQ(ids.request, "a??set-cookie: b?[31m??");
  EXPECT_EQ(ids.trace_id_header, "x?y");
}

TEST(RequestIds, TraceParent) {
  auto trace = [](const char* parent) {
    return read_ids(request_of("GET", "/", "", {{"traceparent", parent}})).trace;
  };
  EXPECT_EQ(trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"),
            "0af7651916cd43dd8448eb211c80319c");
  for (const char* wrong : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01"})
    EXPECT_EQ(trace(wrong), "") << wrong;
}

}  // namespace
}  // namespace roberta::server
