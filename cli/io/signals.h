#pragma once
// SIGINT, SIGTERM and SIGHUP terminate the program with exit code 130, 143 and 129 after temporary files are
// removed; SIGPIPE becomes a failed write.

#include <atomic>
#include <filesystem>
#include <functional>

namespace roberta::cli {

/// Called once at the start of main, because every thread inherits the signal mask it sets. A dedicated
/// thread waits for the signals, so cleaning up may allocate and access files. A signal that is ignored at
/// the start (nohup, a background job of a shell) stays ignored.
void watch_signals();

/// During its lifetime the first SIGINT or SIGTERM requests a stop, the second terminates the program. One at
/// a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  const std::atomic<bool>& requested() const;
  int exit_code() const;  ///< 130 or 143, once requested
};

/// During its lifetime the first SIGINT or SIGTERM calls `stop`, the second terminates the program, and each
/// SIGHUP calls `reload`. Both run on the thread that waits for signals and must not throw. One at a time.
class ServerSignals {
 public:
  ServerSignals(std::function<void()> stop, std::function<void()> reload);
  ~ServerSignals();
  ServerSignals(const ServerSignals&) = delete;
  ServerSignals& operator=(const ServerSignals&) = delete;
};

/// A file or directory that is removed by the destructor, or when a signal terminates the program, unless
/// keep() was called.
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
