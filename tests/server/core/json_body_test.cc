#include "server/core/json_body.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/core/http_error.h"

namespace roberta::server {
namespace {

struct Rejected {
  int status = 0;
  std::string message;
};

Rejected error(const std::function<void()>& action) {
  try {
    action();
  } catch (const HttpError& error) {
    return {error.status(), error.what()};
  }
  return {};
}

Rejected rejection_of_body(const std::string& body, const std::string& type = "application/json") {
  HttpRequest request;
  request.body = body;
  if (!type.empty()) request.headers = {{"content-type", type}};
  return error([&] { parse_body(request); });
}

Json parsed(const std::string& body) {
  HttpRequest request;
  request.body = body;
  return parse_body(request);
}

TEST(JsonBody, ContentTypes) {
  for (const char* fine : {"", "application/json", "Application/JSON; charset=UTF-8", "text/plain",
                           "application/ld+json", "application/json;charset=\"utf-8\""})
    EXPECT_EQ(rejection_of_body("{}", fine).status, 0) << fine;
  for (const char* bad : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png",
                          "application/json; charset=latin1", "text/html"})
    EXPECT_EQ(rejection_of_body("{}", bad).status, 415) << bad;
}

TEST(JsonBody, RejectsWhatParsersDisagreeAbout) {
  for (const char* body :
       {"", " ", "{", "{\"a\":1,}", "{\"a\":1} x", "{\"a\":1,\"a\":2}", "{\"a\":1e400}", "{\"a\":-1e400}",
        "{\"a\":NaN}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00x\"}", "{\"a\":\"\xff\"}",
        "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":01}", "{'a':1}", "{\"a\":\"\n\"}", "// c\n{}"})
    EXPECT_EQ(rejection_of_body(body).status, 400) << body;
  EXPECT_EQ(rejection_of_body(std::string("{}\0", 3)).status, 400);
  EXPECT_EQ(rejection_of_body(std::string(1000000, '[')).status, 400);
  EXPECT_EQ(rejection_of_body(std::string(64, '[') + std::string(64, ']')).status, 0);
  EXPECT_EQ(rejection_of_body(std::string(65, '[') + std::string(65, ']')).status, 400);
  const Rejected where = rejection_of_body("{\"a\":\n  tru}");
  EXPECT_NE(where.message.find("line 2, column 6"), std::string::npos) << where.message;
  EXPECT_NE(rejection_of_body("{\"a\":1e400}").message.find("number overflow"), std::string::npos);
}

TEST(JsonBody, Members) {
  const Json body =
      parsed(R"({"n": 5, "half": 0.5, "big": 18446744073709551615, "huge": 1e300, "s": "x", "none": null,
                               "list": ["a", "b"], "mixed": ["a", 1], "yes": true, "whole": 7.0, "neg": -1})");
  EXPECT_EQ(integer(body, "n", 1, 0, 10), 5);
  EXPECT_EQ(integer(body, "whole", 1, 0, 10), 7);
  EXPECT_EQ(integer(body, "absent", 3, 0, 10), 3);
  EXPECT_EQ(integer(body, "none", 3, 0, 10), 3);
  for (const char* name : {"half", "big", "huge", "s", "neg", "yes", "list"})
    EXPECT_EQ(error([&] { integer(body, name, 1, 0, INT64_MAX); }).status, 422) << name;
  EXPECT_EQ(number(body, "half", 1, 0, 1), 0.5);
  EXPECT_EQ(error([&] { number(body, "n", 1, 0, 1); }).message, "`n` must be a number from 0 to 1");
  EXPECT_TRUE(boolean(body, "yes", false));
  EXPECT_EQ(error([&] { boolean(body, "n", false); }).message, "`n` must be a boolean, got a number");
  EXPECT_EQ(text_member(body, "s", "y"), "x");
  EXPECT_EQ(strings(body["s"], "s"), std::vector<std::string>{"x"});
  EXPECT_EQ(strings(body["list"], "list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(error([&] { strings(body["mixed"], "mixed"); }).message,
            "`mixed[1]` must be a string, got a number");
  EXPECT_EQ(error([&] { required_member(body, "absent"); }).message, "missing field `absent`");
  EXPECT_EQ(error([&] { required_member(body["list"], "x"); }).status, 422);
}

}  // namespace
}  // namespace roberta::server
