// Stopping the server under load: no accepted request is lost.

#include <gtest/gtest.h>

#include <vector>

#include "tests/server/http/http_fixture.h"

namespace roberta::server {
namespace {

struct Tally {
  std::atomic<int> served{0}, rejected{0}, lost{0};
};

/// Sends requests over a connection until the server closes it, then over a new one, until connecting fails.
void send_until_rejected(int port, Tally& tally) {
  while (true) {
    Client client;
    if (!client.connect(port)) {
      ++tally.rejected;
      return;
    }
    for (bool first = true;; first = false) {
      client.send(get_text("/sleep"));
      const ClientResponse response = client.read();
      if (response.status == 200) {
        ++tally.served;
        if (response.header("connection") == "close") break;
        continue;
      }
      // After an orderly close between two requests a client tries again. A reset, or a close before the
      // response to the first request, must never happen.
      if (first || client.error() == ECONNRESET) ++tally.lost;
      break;
    }
  }
}

TEST_F(HttpServerTest, DrainsUnderLoad) {
  for (int run = 0; run < 2; ++run) {
    options_.drain_delay = std::chrono::milliseconds(run % 2 ? 50 : 0);
    start();
    Tally tally;
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back([&] { send_until_rejected(port_, tally); });
    EXPECT_TRUE(eventually([&] { return tally.served > 8; }));
    EXPECT_TRUE(end());
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(tally.lost, 0) << "run " << run;
    EXPECT_EQ(tally.rejected, 8);
  }
}

TEST_F(HttpServerTest, DrainDelayKeepsAccepting) {
  options_.drain_delay = std::chrono::milliseconds(600);
  start();
  EXPECT_EQ(get("/readyz").status, 200);
  http_->stop();
  const ClientResponse ready = get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.header("connection"), "close");
  EXPECT_EQ(get("/work").status, 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  Client late;
  EXPECT_FALSE(late.connect(port_));
  EXPECT_TRUE(join());
}

TEST_F(HttpServerTest, PipelinedRequestsAreServedWhileDraining) {
  start();
  g_gate.shut();
  Client client(port_);
  client.send(get_text("/wait"));
  ASSERT_TRUE(eventually([] { return g_entered == 1; }));
  http_->stop();
  client.send(get_text("/inline") + get_text("/work"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  g_gate.open();
  EXPECT_EQ(client.read().body, "\"waited\"");
  EXPECT_EQ(client.read().body, "ok");
  const ClientResponse last = client.read();
  EXPECT_EQ(last.body, "ok");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(client.closed());
  client.close();
  EXPECT_TRUE(join());
}

TEST_F(HttpServerTest, DrainTimeoutEndsTheServer) {
  options_.drain_timeout = std::chrono::milliseconds(300);
  start();
  g_gate.shut();
  Client client(port_), idle(port_);
  EXPECT_EQ(idle.ask(get_text("/inline")).status, 200);
  client.send(get_text("/wait"));
  ASSERT_TRUE(eventually([] { return g_entered == 1; }));
  http_->stop();
  EXPECT_TRUE(client.closed(3000));
  g_gate.open();
  EXPECT_FALSE(join());
}

}  // namespace
}  // namespace roberta::server
