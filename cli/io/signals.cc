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
// Guarded by g_mutex. Never destroyed: a signal may come while the program is ending.
auto& g_paths = *new std::vector<std::filesystem::path>;

std::atomic<bool> g_catching{false}, g_asked{false};
std::atomic<int> g_signal{0};

std::mutex g_server_mutex;  // held while one of these is called, so that none is called after it is gone
auto& g_stop = *new std::function<void()>;
auto& g_reload = *new std::function<void()>;

[[noreturn]] void end_by(int signal) {
  // The lock is never given back: nothing may be made permanent any more.
  g_mutex.lock();
  clear_progress_line();
  for (const auto& path : g_paths) {
    std::error_code ignored;
    // Threads that still write may put a file into a directory that is just being emptied.
    for (int tries = 0; tries < 10 && std::filesystem::exists(path, ignored); ++tries)
      std::filesystem::remove_all(path, ignored);
  }
  _exit(128 + signal);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool handed_to_server(int signal) {
  const std::lock_guard lock(g_server_mutex);
  if (signal == SIGHUP) {
    if (g_reload) g_reload();
    return g_reload != nullptr;
  }
  if (!g_stop || g_asked) return false;
  g_asked = true;
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
      if (handed_to_server(signal)) continue;
      if (!g_catching || g_asked || signal == SIGHUP) end_by(signal);
      g_signal = signal;
      g_asked = true;
    }
  }).detach();
}

StopRequest::StopRequest() { g_catching = true; }
StopRequest::~StopRequest() { g_catching = false; }
const std::atomic<bool>& StopRequest::asked() const { return g_asked; }
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
