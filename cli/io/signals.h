#pragma once
// SIGINT, SIGTERM and SIGHUP end the program with 130, 143 and 129, half-written files removed; SIGPIPE
// becomes a failed write.

#include <atomic>
#include <filesystem>
#include <functional>

namespace roberta::cli {

/// Called once, first thing in main: the mask it sets is inherited by every thread that starts later. A
/// thread of its own waits for the signals, so clean-up may allocate and touch files. A signal ignored at
/// start (nohup, a shell's background job) stays ignored.
void watch_signals();

/// While one lives, the first SIGINT or SIGTERM asks the program to stop; the second ends it. One at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  const std::atomic<bool>& asked() const;
  int exit_code() const;  ///< 130 or 143, once asked
};

/// While one lives, the first SIGINT or SIGTERM calls `stop`, and the second ends the program; each SIGHUP
/// calls `reload`. Both are called on the thread that waits for signals and must not throw. One at a time.
class ServerSignals {
 public:
  ServerSignals(std::function<void()> stop, std::function<void()> reload);
  ~ServerSignals();
  ServerSignals(const ServerSignals&) = delete;
  ServerSignals& operator=(const ServerSignals&) = delete;
};

/// A file or directory that is removed when it goes out of scope, or when a signal ends the program, unless
/// keep().
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void keep();

 private:
  std::filesystem::path path_;
};

}  // namespace roberta::cli
