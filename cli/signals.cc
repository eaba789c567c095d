#include "signals.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "progress.h"

namespace roberta::cli {
namespace {

std::mutex g_mutex;
// Guarded by g_mutex. Never destroyed: a signal may come while the program is ending.
auto& g_paths = *new std::vector<std::filesystem::path>;

std::atomic<bool> g_catching{false}, g_asked{false};
std::atomic<int> g_signal{0};

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

}  // namespace

void watch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGINT, SIGTERM})
    if (!is_ignored(signal)) sigaddset(&watched, signal);
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  std::thread([watched] {
    for (;;) {
      int signal = 0;
      if (sigwait(&watched, &signal) != 0) continue;
      if (!g_catching || g_asked) end_by(signal);
      g_signal = signal;
      g_asked = true;
    }
  }).detach();
}

StopRequest::StopRequest() { g_catching = true; }
StopRequest::~StopRequest() { g_catching = false; }
const std::atomic<bool>& StopRequest::asked() const { return g_asked; }
int StopRequest::exit_code() const { return 128 + g_signal; }

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
