// The transport over real sockets.

#include <gtest/gtest.h>

#include "server/http/gzip.h"
#include "server/http/response_writer.h"
#include "tests/expect_error.h"
#include "tests/server/http/http_fixture.h"

namespace roberta::server {
namespace {

TEST_F(HttpServerTest, KeepsConnections) {
  start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    const ClientResponse response = client.ask(get_text(i == 1 ? "/work" : "/inline"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "ok");
    EXPECT_EQ(response.header("connection"), "");
    EXPECT_FALSE(response.header("date").empty());
  }
  EXPECT_EQ(client.ask(get_text("/inline", "Connection: close\r\n")).header("connection"), "close");
  EXPECT_TRUE(client.closed());

  Client old(port_);
  EXPECT_EQ(old.ask("GET /inline HTTP/1.0\r\n\r\n").header("connection"), "close");
  EXPECT_TRUE(old.closed());
  Client kept(port_);
  EXPECT_EQ(kept.ask("GET /inline HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"),
            "keep-alive");
  EXPECT_EQ(kept.ask("GET /work HTTP/1.0\r\n\r\n").body, "ok");
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  Client client(port_);
  const ClientResponse head = client.ask("HEAD /inline HTTP/1.1\r\nHost: a\r\n\r\n", false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "2");
  EXPECT_EQ(client.ask(get_text("/inline")).body, "ok");  // no bytes in between
}

TEST_F(HttpServerTest, PipelinedRequestsGetResponsesInOrder) {
  start();
  Client client(port_);
  std::string all;
  constexpr int kMany = 300;
  for (int i = 0; i < kMany; ++i)
    all += i % 3 == 0 ? get_text("/inline") : post_text("/echo", std::to_string(i) + std::string(i, 'x'));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < kMany; ++i)
    ASSERT_EQ(client.read().body, i % 3 == 0 ? "ok" : std::to_string(i) + std::string(i, 'x')) << i;
}

TEST_F(HttpServerTest, AcceptsBytesOneByOne) {
  start();
  Client client(port_);
  for (const char c : post_text("/echo", "hello")) client.send(std::string(1, c));
  EXPECT_EQ(client.read().body, "hello");
  for (const char c :
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
           get_text("/inline"))
    client.send(std::string(1, c));
  EXPECT_EQ(client.read().body, "abc");
  EXPECT_EQ(client.read().body, "ok");
}

TEST_F(HttpServerTest, ExpectContinue) {
  options_.payload_limit = 1000;
  start();
  const auto head = [](int length) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n";
  };
  Client client(port_);
  EXPECT_EQ(client.ask(head(5)).status, 100);
  EXPECT_EQ(client.ask("hello").body, "hello");
  EXPECT_EQ(client.ask(head(2) + "hi").body, "hi");  // no 100 for a client that does not wait
  EXPECT_EQ(client.ask(head(1001)).status, 413);
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, Compression) {
  start();
  const std::string text(10000, 'y');
  Client client(port_);
  ClientResponse response = client.ask(post_text("/echo", gzip(text), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(response.body, text);
  EXPECT_EQ(response.header("content-encoding"), "");
  response = client.ask(post_text("/echo", text, "Accept-Encoding: br, gzip;q=0.5\r\n"));
  EXPECT_EQ(response.header("content-encoding"), "gzip");
  EXPECT_EQ(response.header("vary"), "Accept-Encoding");
  EXPECT_EQ(response.body, gzip(text));
  EXPECT_EQ(client.ask(post_text("/echo", text, "Accept-Encoding: gzip;q=0\r\n")).body, text);
  EXPECT_EQ(client.ask(post_text("/echo", "short", "Accept-Encoding: gzip\r\n")).body, "short");
}

TEST_F(HttpServerTest, DisconnectsAreNoticed) {
  start();
  g_gate.shut();
  Client gone(port_), reset(port_), waits(port_);
  gone.send(get_text("/wait"));
  reset.send(get_text("/wait"));
  waits.send(get_text("/wait", "Connection: close\r\n"));
  ASSERT_TRUE(eventually([] { return g_entered == 3; }));
  gone.close();
  reset.reset();
  waits.half_close();  // announced by "Connection: close": the client still waits for the response
  ASSERT_TRUE(eventually([&] { return metrics_->connections.value() == 3; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  g_gate.open();
  EXPECT_EQ(waits.read().status, 200);
  EXPECT_TRUE(eventually([] { return g_cancelled == 2; })) << g_cancelled;
  EXPECT_EQ(get("/inline").status, 200);
}

TEST_F(HttpServerTest, DisconnectsAreNoticedAfterPipelinedRequests) {
  start();
  g_gate.shut();
  Client client(port_);
  client.send(get_text("/wait") + get_text("/inline") + get_text("/inline"));
  ASSERT_TRUE(eventually([] { return g_entered == 1; }));
  client.close();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  g_gate.open();
  EXPECT_TRUE(eventually([] { return g_cancelled == 1; }));
}

TEST_F(HttpServerTest, AddressInUseIsNamed) {
  start();
  ServeOptions other = options_;
  other.port = port_;
  EXPECT_ERROR(ErrorCode::kResource, HttpServer(other, *service_, *metrics_), "[serve] 127.0.0.1:", "in use",
               "--port");
  other.host = "no.such.host.invalid";
  EXPECT_ERROR(ErrorCode::kUsage, HttpServer(other, *service_, *metrics_), "no address");
}

TEST_F(HttpServerTest, StopsAtOnce) {
  start();
  g_gate.shut();
  Client client(port_);
  client.send(get_text("/wait"));
  ASSERT_TRUE(eventually([] { return g_entered == 1; }));
  http_->stop_at_once();
  g_gate.open();
  EXPECT_FALSE(join());
  EXPECT_TRUE(client.closed());
}

TEST(ResponseWriter, RequestsCannotAddFields) {
  HttpResponse response{.status = 404};
  response.headers = {{"x-request-id", "a\r\nSet-Cookie: b\0c"}};
  const std::string head = head_text(response, {.date = "now"});
  EXPECT_NE(head.find("\r\nx-request-id: a  Set-Cookie: b\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST(AcceptEncoding, Weights) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.001", "gzip ; q=1.0"})
    EXPECT_TRUE(accepts_gzip(yes));
  for (const char* no : {"", "identity", "gzip;q=0", "gzip;q=0.000", "xgzip", "gzipx"})
    EXPECT_FALSE(accepts_gzip(no));
}

}  // namespace
}  // namespace roberta::server
