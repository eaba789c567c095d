// The end of a server under load: nothing that was accepted is lost.

#include <gtest/gtest.h>

#include <vector>

#include "tests/server/http/http_fixture.h"

namespace roberta::server {
namespace {

struct Tally {
  std::atomic<int> answered{0}, refused{0}, lost{0};
};

/// Asks, over a kept connection until the server closes it, then over a new one; until none can be made.
void keep_asking(int port, Tally& tally) {
  while (true) {
    Client client;
    if (!client.connect(port)) {
      ++tally.refused;
      return;
    }
    for (bool first = true;; first = false) {
      client.send(get_text("/sleep"));
      const ClientAnswer answer = client.read();
      if (answer.status == 200) {
        ++tally.answered;
        if (answer.header("connection") == "close") break;
        continue;
      }
      // A connection that ended by an orderly close between two requests is one that a client asks again on;
      // what may never happen is a reset, or the end of one whose first request was not answered.
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
    for (int i = 0; i < 8; ++i) clients.emplace_back([&] { keep_asking(port_, tally); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(end());
    for (std::thread& client : clients) client.join();
    EXPECT_GT(tally.answered, 8);
    EXPECT_EQ(tally.lost, 0) << "run " << run;
    EXPECT_EQ(tally.refused, 8);
  }
}

TEST_F(HttpServerTest, TheDelayIsForBalancers) {
  options_.drain_delay = std::chrono::milliseconds(600);
  start();
  EXPECT_EQ(get("/readyz").status, 200);
  http_->stop();
  const ClientAnswer ready = get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.header("connection"), "close");
  EXPECT_EQ(get("/work").status, 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  Client late;
  EXPECT_FALSE(late.connect(port_));
  EXPECT_TRUE(join());
}

TEST_F(HttpServerTest, RequestsInTheSocketAreAnswered) {
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
  const ClientAnswer last = client.read();
  EXPECT_EQ(last.body, "ok");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(client.closed());
  client.close();
  EXPECT_TRUE(join());
}

TEST_F(HttpServerTest, TheEndComesInAnyCase) {
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
