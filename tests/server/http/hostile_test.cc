// Clients that send slowly, announce too much, don't read, or are too many. tools/serve/hostile.py tests the
// same at full size.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "server/http/gzip.h"
#include "tests/server/http/http_fixture.h"

namespace roberta::server {
namespace {

using Clock = std::chrono::steady_clock;

int64_t ms_since(Clock::time_point start_time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_time).count();
}

TEST_F(HttpServerTest, SlowSendersDoNotDelayOthers) {
  options_.header_timeout = options_.body_timeout = std::chrono::milliseconds(1500);
  start();
  std::vector<Client> drips;
  for (int i = 0; i < 100; ++i) {
    drips.emplace_back(port_);
    drips.back().send(i % 2 ? "GET / HTTP/1.1\r\nX: "
                            : "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  }
  const Clock::time_point start_time = Clock::now();
  std::vector<int64_t> times;
  Client polite(port_);
  while (ms_since(start_time) < 1000) {
    for (Client& drip : drips) drip.send("x");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // 500 bytes of 1000 at most
    const Clock::time_point asked = Clock::now();
    EXPECT_EQ(polite.ask(get_text("/livez")).status, 200);
    times.push_back(ms_since(asked));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2), times.end());
  EXPECT_LE(times[times.size() / 2], 50);
  for (Client& drip : drips) {
    EXPECT_EQ(drip.read().status, 408);
    EXPECT_TRUE(drip.closed());
  }
  EXPECT_LE(ms_since(start_time), 1500 + 2500);
}

TEST_F(HttpServerTest, IdleConnectionsAreClosed) {
  options_.header_timeout = std::chrono::milliseconds(400);
  options_.idle_timeout = std::chrono::milliseconds(300);
  start();
  Client silent(port_), kept(port_);
  EXPECT_EQ(kept.ask(get_text("/inline")).status, 200);
  EXPECT_TRUE(kept.closed(3000));
  EXPECT_TRUE(silent.closed(3000));
}

TEST_F(HttpServerTest, ClientsThatDoNotReadAreClosed) {
  options_.write_timeout = std::chrono::milliseconds(400);
  start();
  Client client(port_);
  const int small = 4096;
  ::setsockopt(client.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send(get_text("/big"));
  Client drip(port_);  // reads one byte from time to time
  ::setsockopt(drip.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  drip.send(get_text("/big"));
  const auto open = [&] {
    drip.receive(0, 1);
    return metrics_->text().find("\nroberta_connections 0") == std::string::npos;
  };
  ASSERT_TRUE(eventually(open));
  const Clock::time_point start_time = Clock::now();
  EXPECT_TRUE(eventually([&] { return !open(); }));
  EXPECT_LT(ms_since(start_time), 2000);
}

TEST_F(HttpServerTest, BodiesStopAtTheLimit) {
  options_.payload_limit = 100000;
  start();
  const std::string largest(100000, 'x');
  EXPECT_EQ(Client(port_).ask(post_text("/echo", largest)).body, largest);
  EXPECT_EQ(Client(port_).ask(post_text("/echo", largest + "x")).status, 413);
  const auto claim = [](const std::string& length) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n";
  };
  EXPECT_EQ(Client(port_).ask(claim("10000000000")).status, 413);
  EXPECT_EQ(Client(port_).ask(claim("18446744073709551615")).status, 413);
  EXPECT_EQ(Client(port_).ask(claim("18446744073709551616")).status, 400);
  const std::string bomb =
      post_text("/echo", gzip(std::string(50'000'000, ' ')), "Content-Encoding: gzip\r\n");
  EXPECT_EQ(Client(port_).ask(bomb).status, 413);
  // A client that keeps sending still gets the response, not a reset.
  Client stubborn(port_);
  stubborn.send(claim("5000000"));
  EXPECT_TRUE(stubborn.send(std::string(5'000'000, 'x')));
  EXPECT_EQ(stubborn.read().status, 413);
  // Endless chunks.
  Client chunks(port_);
  chunks.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) chunks.send("2710\r\n" + std::string(10000, 'x') + "\r\n");
  EXPECT_EQ(chunks.read().status, 413);
}

TEST_F(HttpServerTest, InvalidRequestsAreRejectedAndClosed) {
  start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
        std::string("GET / HTTP/1.1\n\n"), std::string("\r\n\r\n\r\n"), "GET /" + std::string(100000, 'x'),
        get_text("/", "X: " + std::string(100000, 'x')), get_text("/", "Host: b\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    Client client(port_);
    client.send(bytes);
    const ClientResponse response = client.read();
    EXPECT_GE(response.status, 400) << bytes.substr(0, 50);
    EXPECT_LT(response.status, 506);
    EXPECT_EQ(response.header("content-type"), "application/json");
    EXPECT_EQ(response.header("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitAreRejected) {
  options_.max_connections = 4;
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(port_);
    EXPECT_EQ(clients.back().ask(get_text("/inline")).status, 200);
  }
  const ClientResponse rejected = get("/inline");
  EXPECT_EQ(rejected.status, 503);
  EXPECT_EQ(rejected.header("retry-after"), "1");
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return get("/inline").status == 200; }));
}

TEST_F(HttpServerTest, SurvivesRunningOutOfDescriptors) {
  start();
  EXPECT_EQ(get("/inline").status, 200);
  std::vector<Client> clients(20);  // already have their descriptors
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(clients.back().socket() + 1);
  setrlimit(RLIMIT_NOFILE, &few);
  const double cpu = static_cast<double>(clock());
  int rejected = 0;
  for (Client& client : clients) {
    client.connect(port_);
    client.send(get_text("/inline"));
  }
  for (Client& client : clients) rejected += client.read(true, 3000).status == 503;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double seconds = (static_cast<double>(clock()) - cpu) / CLOCKS_PER_SEC;
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_GE(rejected, 15);
  EXPECT_LT(seconds, 0.2);  // waits instead of spinning
  EXPECT_EQ(get("/inline").status, 200);
}

}  // namespace
}  // namespace roberta::server
