// Accepted and rejected requests: each as a whole, byte by byte, and cut at every position.

#include "server/http/request_parser.h"

#include <gtest/gtest.h>

#include "server/http/gzip.h"

namespace roberta::server {
namespace {

using State = RequestParser::State;

struct Outcome {
  State state;
  int status = 0;
  HttpRequest request;
  size_t used = 0;
};

Outcome feed(const std::string& bytes, size_t piece, const ParseLimits& limits = {}) {
  RequestParser parser(limits);
  Outcome out{};
  while (out.used < bytes.size() && parser.state() != State::kDone && parser.state() != State::kRejected)
    out.used += parser.feed(std::string_view(bytes).substr(out.used, piece));
  out.state = parser.state();
  out.status = parser.rejected_status();
  if (out.state == State::kDone) out.request = parser.take();
  EXPECT_EQ(out.state == State::kRejected, !parser.reason().empty());
  return out;
}

/// The outcome is the same for the whole and byte by byte.
Outcome parse(const std::string& bytes, const ParseLimits& limits = {}) {
  Outcome whole = feed(bytes, bytes.size(), limits), bits = feed(bytes, 1, limits);
  EXPECT_EQ(whole.state, bits.state) << bytes.substr(0, 200);
  EXPECT_EQ(whole.status, bits.status) << bytes.substr(0, 200);
  EXPECT_EQ(whole.request.body, bits.request.body);
  if (whole.state == State::kDone) {
    EXPECT_EQ(whole.used, bits.used);
  }
  return whole;
}

int status_of(const std::string& bytes, const ParseLimits& limits = {}) {
  const Outcome out = parse(bytes, limits);
  return out.state == State::kRejected ? out.status : out.state == State::kDone ? 200 : 0;
}

std::string post(const std::string& fields, const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }

TEST(RequestParser, Get) {
  const Outcome out = parse(
      "GET /v2/models/a%20b/infer?x=1&name=a%2Bb+c&empty HTTP/1.1\r\nHost: localhost:3000\r\nX-Thing:  two "
      "words \r\n\r\nrest");
  ASSERT_EQ(out.state, State::kDone);
  EXPECT_EQ(out.used, std::string("GET /v2/models/a%20b/infer?x=1&name=a%2Bb+c&empty HTTP/1.1\r\nHost: "
                                  "localhost:3000\r\nX-Thing:  two words \r\n\r\n")
                          .size());
  EXPECT_EQ(out.request.method, "GET");
  EXPECT_EQ(out.request.path, "/v2/models/a b/infer");
  EXPECT_EQ(out.request.query, "x=1&name=a%2Bb+c&empty");
  EXPECT_EQ(out.request.parameter("name"), "a+b c");
  EXPECT_EQ(out.request.parameter("empty"), "");
  EXPECT_EQ(out.request.parameter("x"), "1");
  EXPECT_EQ(out.request.header("x-thing"), "two words");
  EXPECT_EQ(out.request.header("absent"), "");
}

TEST(RequestParser, Bodies) {
  EXPECT_EQ(parse(post("Content-Length: 5\r\n", "hello")).request.body, "hello");
  EXPECT_EQ(parse(post("Content-Length: 0\r\n", "")).state, State::kDone);
  EXPECT_EQ(parse(chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")).request.body, "hello world");
  EXPECT_EQ(parse(chunked("a\r\n0123456789\r\n0\r\n\r\nGET")).request.body, "0123456789");
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "1\r\nx\r\n";
  EXPECT_EQ(parse(chunked(many + "0\r\n\r\n")).request.body, std::string(3000, 'x'));
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").state, State::kDone);
  EXPECT_EQ(parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").state, State::kDone);
  EXPECT_EQ(parse("GET http://h:1/p?q HTTP/1.1\r\nHost: h:1\r\n\r\n").request.path, "/p");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "*");
}

TEST(RequestParser, RejectsWhatServersDisagreeAbout) {
  const std::string host = "Host: a\r\n";
  EXPECT_EQ(status_of(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 5, 5\r\n", "hello")), 400);
  for (const char* length : {"+5", "-5", "5 ", "0x5", "", "5.0", "99999999999999999999999", "5 5"}) {
    if (std::string(length) == "5 ") continue;  // white space around a value is not part of it
    EXPECT_EQ(status_of(post("Content-Length: " + std::string(length) + "\r\n", "hello")), 400) << length;
  }
  for (const char* encoding :
       {"identity", "gzip, chunked", "chunked, chunked", "xchunked", "chunked, identity"})
    EXPECT_GE(status_of(post("Transfer-Encoding: " + std::string(encoding) + "\r\n", "0\r\n\r\n")), 400)
        << encoding;
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
            400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n X: a\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n"), 400);
  EXPECT_EQ(status_of(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 35)), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + "X : a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + ": a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + host + "no colon\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1 \r\n" + host + "\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n" + host + "\r\n"), 505);
  EXPECT_EQ(status_of("GET /\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET /a%2 HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET /a%00 HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("GET a HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("CONNECT a:80 HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of("G\xc3\xa4T / HTTP/1.1\r\n" + host + "\r\n"), 400);
  EXPECT_EQ(status_of(post("Expect: tea\r\n", "")), 417);
}

TEST(RequestParser, Chunks) {
  for (const char* line : {"-2", "", "g", " 2", "2 ", "+2", "0x2", "2;a=b", "2;", "FFFFFFFFFFFFFFFFF", "2\t"})
    EXPECT_EQ(status_of(chunked(std::string(line) + "\r\nab\r\n0\r\n\r\n")), 400) << "'" << line << "'";
  EXPECT_EQ(status_of(chunked("2\nab\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nabX\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nab\n0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2;\nxx\r\nab\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nab\r\n0;a\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nab\r\n0\r\nHost: b\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nab\r\n0\r\n: b\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked(std::string(100000, '0') + "2\r\nab\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(chunked("2\r\nab\r\n0\r\nX: " + std::string(100000, 'x'))), 400);
  EXPECT_EQ(status_of(chunked("FFFFFFFFFFFFFFFF\r\nab\r\n0\r\n\r\n")), 413);
}

TEST(RequestParser, Limits) {
  const ParseLimits limits{.body_bytes = 1000};
  EXPECT_EQ(status_of(post("Content-Length: 1000\r\n", std::string(1000, 'x')), limits), 200);
  EXPECT_EQ(status_of(post("Content-Length: 1001\r\n", ""), limits), 413);
  EXPECT_EQ(status_of(post("Content-Length: 10000000000\r\n", ""), limits), 413);
  EXPECT_EQ(status_of(chunked("3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), limits), 200);
  EXPECT_EQ(status_of(chunked("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n"), limits), 413);
  EXPECT_EQ(status_of(chunked("3e9\r\n"), limits), 413);

  const auto get = [](const std::string& path, const std::string& fields) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  };
  EXPECT_EQ(status_of(get("/" + std::string(8191, 'x'), "")), 200);
  EXPECT_EQ(status_of(get("/" + std::string(8192, 'x'), "")), 414);
  EXPECT_EQ(status_of(get("/" + std::string(100000, 'x'), "")), 414);
  EXPECT_EQ(status_of(std::string(100000, 'x')), 414);
  EXPECT_EQ(status_of(get("/", "X: " + std::string(8192 - 9 - 5, 'x') + "\r\n")), 200);  // "Host: a\r\n" is 9
  EXPECT_EQ(status_of(get("/", "X: " + std::string(8192 - 9 - 4, 'x') + "\r\n")), 431);
  EXPECT_EQ(status_of(get("/", "X: " + std::string(100000, 'x') + "\r\n")), 431);
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "a: b\r\n";
  EXPECT_EQ(status_of(get("/", fields)), 200);
  EXPECT_EQ(status_of(get("/", fields + "a: b\r\n")), 431);
  std::string ten_thousand;
  for (int i = 0; i < 10000; ++i) ten_thousand += "a: b\r\n";
  EXPECT_EQ(status_of(get("/", ten_thousand)), 431);
}

TEST(RequestParser, Compressed) {
  const std::string text = "{\"inputs\":\"" + std::string(5000, 'x') + "\"}", zipped = gzip(text);
  const auto gzipped = [](const std::string& body, const std::string& encoding = "gzip") {
    return post(
        "Content-Encoding: " + encoding + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n",
        body);
  };
  EXPECT_EQ(parse(gzipped(zipped)).request.body, text);
  EXPECT_EQ(parse(gzipped(zipped + zipped)).request.body, text + text);
  EXPECT_EQ(parse(gzipped(text, "identity")).request.body, text);
  EXPECT_EQ(status_of(gzipped(zipped.substr(0, zipped.size() - 1))), 400);
  EXPECT_EQ(status_of(gzipped(zipped + "x")), 400);
  EXPECT_EQ(status_of(gzipped(text)), 400);
  EXPECT_EQ(status_of(gzipped(text, "br")), 415);
  EXPECT_EQ(status_of(gzipped(text, "gzip, gzip")), 415);
  // zlib's format and the raw stream are both called deflate.
  EXPECT_EQ(parse(gzipped(zipped.substr(10, zipped.size() - 18), "deflate")).request.body, text);
  EXPECT_EQ(
      parse(gzipped(std::string("\x78\x9c\x4b\x4c\x4a\x06\x00\x02\x4d\x01\x27", 11), "deflate")).request.body,
      "abc");
  // A compression bomb stops at the limit.
  const ParseLimits limits{.body_bytes = 100000};
  EXPECT_EQ(status_of(gzipped(gzip(std::string(100000, ' '))), limits), 200);
  EXPECT_EQ(status_of(gzipped(gzip(std::string(100001, ' '))), limits), 413);
  EXPECT_EQ(status_of(gzipped(gzip(std::string(10000000, ' '))), limits), 413);
}

TEST(RequestParser, OneAfterAnother) {
  RequestParser parser(ParseLimits{});
  const std::string two = post("Content-Length: 2\r\n", "ab") + "GET /2 HTTP/1.0\r\n\r\n";
  EXPECT_FALSE(parser.started());
  const size_t used = parser.feed(two);
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_FALSE(parser.is_http10());
  EXPECT_EQ(parser.take().body, "ab");
  parser.reset();
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(parser.feed(two.substr(used)), two.size() - used);
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_FALSE(parser.keep_alive());
  EXPECT_TRUE(parser.is_http10());
  EXPECT_EQ(parser.take().path, "/2");
}

TEST(RequestParser, Continue) {
  RequestParser parser(ParseLimits{});
  parser.feed(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
  EXPECT_TRUE(parser.expects_continue());
  parser.feed("a");
  EXPECT_FALSE(parser.expects_continue());
  parser.feed("b");
  EXPECT_EQ(parser.state(), State::kDone);
}

}  // namespace
}  // namespace roberta::server
