// roberta serve: serves models over HTTP.

#include <sys/resource.h>

#include <chrono>
#include <mutex>
#include <string>

#include "cli/commands/serve/serve_options.h"
#include "cli/io/log.h"
#include "cli/io/sd_notify.h"
#include "cli/io/signals.h"
#include "cli/settings/command.h"
#include "cli/settings/settings.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "server/core/metrics.h"
#include "server/core/registry.h"
#include "server/core/service.h"
#include "server/http/http_server.h"

namespace roberta::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Each connection is a file descriptor; the usual soft limit of 1024 exists for programs that use select().
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void report_address(const server::ServeOptions& options, int port) {
  const bool v6 = options.host.find(':') != std::string::npos;
  const std::string address = v6 ? "[" + options.host + "]" : options.host;
  const std::string text = "listening on http://" + address + ":" + std::to_string(port);
  if (options.port == 0 && !log_enabled(Level::kInfo))
    write_stderr(text + "\n");  // even with --quiet, the only way to learn the port
  else
    log(Level::kInfo, text);
}

/// The reason why the server must exit, set by the thread that loads models.
class Failure {
 public:
  void set(std::string message, int exit_code) {
    const std::lock_guard lock(mutex_);
    message_ = std::move(message);
    exit_code_ = exit_code;
  }
  void rethrow() const {
    const std::lock_guard lock(mutex_);
    if (exit_code_ != 0) throw Error(static_cast<ErrorCode>(exit_code_), message_);
  }

 private:
  mutable std::mutex mutex_;
  std::string message_;
  int exit_code_ = 0;
};

/// Notifies systemd's watchdog that the I/O thread is alive.
std::function<void()> watchdog() {
  const auto interval = watchdog_interval() / 2;
  if (interval.count() == 0) return {};
  return [interval, next = Clock::time_point()]() mutable {
    if (Clock::now() < next) return;
    next = Clock::now() + interval;
    sd_notify("WATCHDOG=1");
  };
}

int run(const Settings& settings) {
  const Clock::time_point start = Clock::now();
  server::ServeOptions options = serve_options(settings);
  options.log = [](const std::string& message, bool warning) {
    log(warning ? Level::kWarning : Level::kInfo, message);
  };
  raise_file_limit();
  server::Metrics metrics;
  server::ModelRegistry registry(options, &metrics);
  server::Service service(options, registry, metrics);
  server::HttpServer http(options, service, metrics);
  // A log line is true by the time it can be read: a program that reads "listening" may send a signal at
  // once, and one that reads "draining" finds that /readyz returns 503.
  const ServerSignals signals(
      [&] {
        http.stop();
        log(Level::kInfo, "draining: finishing accepted requests");
        sd_notify("STOPPING=1");
      },
      [&] { registry.reload_all(); });
  report_address(options, http.port());
  Failure failure;
  registry.start([&](const std::string& error, int exit_code) {
    if (error.empty()) {
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      log(Level::kInfo, "ready after " + fixed(seconds, 3) + " s");
      sd_notify("READY=1");
      return;
    }
    failure.set(error, exit_code);
    http.stop_at_once();
  });
  http.on_tick(watchdog());
  const bool all_finished = http.run();
  registry.stop();  // its callback uses `http`, which is destroyed first
  failure.rethrow();
  if (!all_finished)
    throw Error(ErrorCode::kFailed, "--drain-timeout expired before all accepted requests were finished");
  return 0;
}

}  // namespace

extern const Command serve_command;
const Command serve_command{
    .name = "serve",
    .arguments = "",
    .summary = "serve models over HTTP: APIs of Azure ML, TEI, OpenAI, KServe and pipelines; web page at /ui",
    .description =
        "Opens the port, loads the models, and serves requests until SIGTERM or SIGINT; then finishes\n"
        "all accepted requests and exits with 0. A second signal terminates it at once. SIGHUP reloads\n"
        "the models; requests use the old versions until the new ones are ready. A model that cannot be\n"
        "loaded at startup makes it exit with 4. /readyz reports readiness, /openapi.json describes the\n"
        "API, /metrics exports metrics (docs/serving.md). TLS is not supported: use a reverse proxy.",
    .example = "roberta serve --model models/roberta-small-english --port 3000",
    .groups = serve_groups(),
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
