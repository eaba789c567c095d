#include "server/core/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/core/metrics.h"

namespace roberta::server {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() {
    close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
  }
  std::string read_all() {
    close(ends[1]);
    ends[1] = -1;
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }
  int ends[2];
};

TEST(AccessLine, IsOneJsonObject) {
  const std::string line = access_line({.request_id = "id-1",
                                        .trace_id = "0af7651916cd43dd8448eb211c80319c",
                                        .method = "POST",
                                        .path = "/embed",
                                        .model = "tiny",
                                        .status = 200,
                                        .bytes_in = 12,
                                        .bytes_out = 34,
                                        .client = 5,
                                        .inputs = 2,
                                        .tokens = 9,
                                        .total_ms = 1.23456,
                                        .queue_ms = 0.5,
                                        .inference_ms = 0.25});
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  const nlohmann::json json = nlohmann::json::parse(line);
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["request_id"], "id-1");
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["tokens"], 9);
  EXPECT_EQ(json["total_ms"], 1.235);
  EXPECT_EQ(json["model"], "tiny");
  EXPECT_FALSE(json.contains("error"));
}

TEST(AccessLine, UntrustedTextsAreEscapedAndCut) {
  const std::string nasty = "/\"\\\n\x1b]0;x\x07{}\xff\xe2\x80\xae";
  const std::string line = access_line({.method = std::string(100, 'M'),
                                        .path = nasty + std::string(10000, 'p'),
                                        .status = 404,
                                        .error = std::string(10000, '\x01')});
  EXPECT_LE(line.size(), 4096u);
  for (const char c : line.substr(0, line.size() - 1)) EXPECT_TRUE(c >= ' ' && c <= '~');
  const nlohmann::json json = nlohmann::json::parse(line);
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["path"].get<std::string>().substr(0, 5), "/\"\\\n\x1b");
  EXPECT_EQ(json["method"], std::string(16, 'M') + "...");
}

TEST(AccessLog, WritesEveryLine) {
  Pipe pipe;
  Counter dropped;
  {
    AccessLog log(pipe.ends[1], dropped);
    for (int i = 0; i < 500; ++i) log.write("line " + std::to_string(i) + "\n");
  }
  const std::string all = pipe.read_all();
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += "line " + std::to_string(i) + "\n";
  EXPECT_EQ(all, expected);
  EXPECT_EQ(dropped.value(), 0u);
}

/// A log collector that hangs must not block the server, fill its memory or prevent its end.
TEST(AccessLog, WithoutAReader) {
  Pipe pipe;
  Counter dropped;
  const auto start_time = std::chrono::steady_clock::now();
  {
    AccessLog log(pipe.ends[1], dropped);
    for (int i = 0; i < 20000; ++i) log.write(std::string(200, 'x') + "\n");
    EXPECT_LT(std::chrono::steady_clock::now() - start_time, std::chrono::seconds(1));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start_time, std::chrono::seconds(3));
  EXPECT_GT(dropped.value(), 10000u);
}

}  // namespace
}  // namespace roberta::server
