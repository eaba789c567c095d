#include "cli/io/signals.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/io/progress.h"

namespace roberta::cli {
namespace {

std::mutex g_mutex;
// Guarded by g_mutex. Never destroyed: a signal may arrive during exit.
auto& g_paths = *new std::vector<std::filesystem::path>;

std::atomic<bool> g_catching{false}, g_stop_requested{false};
std::atomic<int> g_signal{0};

std::mutex g_server_mutex;  // held during a call of one of these, so that none is called after its removal
auto& g_stop = *new std::function<void()>;
auto& g_reload = *new std::function<void()>;

[[noreturn]] void terminate_by(int signal) {
  // The mutex is never released: no temporary file may be kept any more.
  g_mutex.lock();
  clear_progress_line();
  for (const auto& path : g_paths) {
    std::error_code ignored;
    // Threads that are still writing may add a file to a directory while it is being removed.
    for (int attempt = 0; attempt < 10 && std::filesystem::exists(path, ignored); ++attempt)
      std::filesystem::remove_all(path, ignored);
  }
  _exit(128 + signal);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool handle_by_server(int signal) {
  const std::lock_guard lock(g_server_mutex);
  if (signal == SIGHUP) {
    if (g_reload) g_reload();
    return g_reload != nullptr;
  }
  if (!g_stop || g_stop_requested) return false;
  g_stop_requested = true;
  g_stop();
  return true;
}

}  // namespace

void watch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (!is_ignored(signal)) sigaddset(&watched, signal);
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  std::thread([watched] {
    for (;;) {
      int signal = 0;
      if (sigwait(&watched, &signal) != 0) continue;
      if (handle_by_server(signal)) continue;
      if (!g_catching || g_stop_requested || signal == SIGHUP) terminate_by(signal);
      g_signal = signal;
      g_stop_requested = true;
    }
  }).detach();
}

StopRequest::StopRequest() { g_catching = true; }
StopRequest::~StopRequest() { g_catching = false; }
const std::atomic<bool>& StopRequest::requested() const { return g_stop_requested; }
int StopRequest::exit_code() const { return 128 + g_signal; }

ServerSignals::ServerSignals(std::function<void()> stop, std::function<void()> reload) {
  const std::lock_guard lock(g_server_mutex);
  g_stop = std::move(stop);
  g_reload = std::move(reload);
}

ServerSignals::~ServerSignals() {
  const std::lock_guard lock(g_server_mutex);
  g_stop = nullptr;
  g_reload = nullptr;
}

Temporary::Temporary(std::filesystem::path path) : path_(std::move(path)) {
  std::lock_guard lock(g_mutex);
  g_paths.push_back(path_);
}

Temporary::~Temporary() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  keep();
}

void Temporary::keep() {
  std::lock_guard lock(g_mutex);
  g_paths.erase(std::remove(g_paths.begin(), g_paths.end(), path_), g_paths.end());
  path_.clear();
}

}  // namespace roberta::cli
