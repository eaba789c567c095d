// roberta serve as a process: log lines, signals, systemd, exit codes. Its responses are tested in
// tests/server.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"
#include "tests/server/http/client.h"

namespace roberta::cli_test {
namespace {

using server::Client;
using server::get_text;

class Serving : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    model_ = make_model(*scratch_);
  }
  static void TearDownTestSuite() { delete scratch_; }

  /// The port of a line such as "roberta serve: listening on http://127.0.0.1:1234".
  static int port_of(const std::string& line) {
    EXPECT_NE(line.find("listening on http://127.0.0.1:"), std::string::npos) << line;
    const size_t colon = line.rfind(':');
    return colon == std::string::npos ? 0 : std::atoi(line.c_str() + colon + 1);
  }
  static void wait_until_ready(Process& server) {
    std::string line;
    do line = server.read_line();
    while (line.find(" ready after ") == std::string::npos && line != "(no line)");
    EXPECT_NE(line.find(" s"), std::string::npos) << line;
  }
  static int status_of(int port, const std::string& path) {
    Client client(port);
    return client.ask(get_text(path)).status;
  }

  static Scratch* scratch_;
  static std::string model_;
};
Scratch* Serving::scratch_;
std::string Serving::model_;

TEST_F(Serving, RespondsUntilSignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process server({"serve", "--model", model_, "--port", "0"}, {}, true);
    const int port = port_of(server.read_line());
    wait_until_ready(server);
    EXPECT_EQ(status_of(port, "/readyz"), 200);
    server.signal(signal);
    EXPECT_NE(server.read_line().find("draining"), std::string::npos);
    EXPECT_EQ(server.wait(), 0);
  }
}

TEST_F(Serving, QuietPrintsOnlyFreePort) {
  Process server({"serve", "--model", model_, "--port", "0", "-q"}, {}, true);
  const std::string line = server.read_line();
  EXPECT_TRUE(line.starts_with("listening on ")) << line;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(server.read_line(), "(no line)");
}

TEST_F(Serving, SecondSignalTerminatesAtOnce) {
  Process server({"serve", "--model", model_, "--port", "0", "--drain-delay", "1m"}, {}, true);
  const int port = port_of(server.read_line());
  wait_until_ready(server);
  server.signal(SIGTERM);
  EXPECT_NE(server.read_line().find("draining"), std::string::npos);
  EXPECT_EQ(status_of(port, "/readyz"), 503);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 143);
}

TEST_F(Serving, ReloadsOnSighup) {
  Process server({"serve", "--model", model_, "--port", "0"}, {}, true);
  port_of(server.read_line());
  wait_until_ready(server);
  server.signal(SIGHUP);
  EXPECT_NE(server.read_line().find("version 2"), std::string::npos);
  server.signal(SIGTERM);
  server.read_line();
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Serving, MissingModelIsExit4) {
  const Result absent =
      run({"serve", "--model", scratch_->path("absent"), "--port", "0", "--drain-delay", "1m"});
  EXPECT_EQ(absent.code, 4);
  EXPECT_NE(absent.err.find("absent: no such directory"), std::string::npos) << absent.err;
}

TEST_F(Serving, InvalidOptionsAreRejected) {
  const auto rejected = [](std::vector<std::string> words, const std::string& message,
                           const Environment& environment = {}) {
    words.insert(words.begin(), "serve");
    const Result result = run(words, "", environment);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  };
  rejected({}, "--model [NAME=]DIR is required");
  rejected({"--model", "a=x", "--model", "a=y"}, "two models are named 'a'");
  rejected({"--model", "a b=x"}, "is not a valid model name");
  rejected({"--model", "x", "--model", "y", "--adapter", "z"}, "--adapter requires a single model");
  rejected({"--model", "x", "--idle-timeout", "soon"}, "a time such as 500ms");
  rejected({"--model", "x", "--idle-timeout", "-1s"}, "a time such as 500ms");
  rejected({"--model", "x", "--api-key-file", scratch_->file("keys", "\n\n")}, "the file has no key");
  rejected({"--model", "x"}, "PORT: '99999'", {{"PORT", "99999"}});
  rejected({"--model", "x", "--host", "no.such.host.invalid"}, "has no address on this machine");

  Process first({"serve", "--model", model_, "--port", "0"}, {}, true);
  const int port = port_of(first.read_line());
  const Result second = run({"serve", "--model", model_, "--port", std::to_string(port)});
  EXPECT_EQ(second.code, 6);
  EXPECT_NE(second.err.find("in use"), std::string::npos) << second.err;
}

TEST_F(Serving, FindsModelMountedByAzure) {
  const std::string mount = scratch_->path("mount");
  std::filesystem::create_directories(mount + "/1/deep");
  std::filesystem::copy(model_, mount + "/1/deep/bert");
  std::filesystem::create_directories(mount + "/1/deep/bert/1_Pooling");
  scratch_->file("mount/1/deep/bert/1_Pooling/config.json", "{}");
  Process server({"serve", "--api-key-file", scratch_->file("key", "secret\r\n")},
                 {{"AZUREML_MODEL_DIR", mount}, {"PORT", "0"}}, true);
  const int port = port_of(server.read_line());
  wait_until_ready(server);
  EXPECT_EQ(status_of(port, "/v2/models/bert"), 401);
  EXPECT_EQ(Client(port).ask(get_text("/v2/models/bert", "Authorization: Bearer secret\r\n")).status, 200);
  server.signal(SIGTERM);
  server.read_line();
  EXPECT_EQ(server.wait(), 0);

  EXPECT_EQ(run({"serve"}, "", {{"AZUREML_MODEL_DIR", scratch_->path("nothing")}}).code, 4);
}

TEST_F(Serving, NotifiesSystemd) {
  const std::string path = scratch_->path("notify");
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval timeout{120, 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const auto next = [&] {
    char text[100];
    const ssize_t n = recv(socket, text, sizeof text, 0);
    return n > 0 ? std::string(text, static_cast<size_t>(n)) : "(none)";
  };
  const auto next_except_watchdog = [&] {
    std::string text = next();
    for (int i = 0; i < 100 && text == "WATCHDOG=1"; ++i) text = next();
    return text;
  };
  Process server({"serve", "--model", model_, "--port", "0"},
                 {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "400000"}}, true);
  EXPECT_EQ(next_except_watchdog(), "READY=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  server.signal(SIGTERM);
  EXPECT_EQ(next_except_watchdog(), "STOPPING=1");
  EXPECT_EQ(server.wait(), 0);
  close(socket);
}

}  // namespace
}  // namespace roberta::cli_test
