#pragma once
// A thread of its own that runs what it is given, one after the other.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace roberta::server {

class BackgroundThread {
 public:
  BackgroundThread() : thread_([this] { run(); }) {}
  /// Runs what has been posted to its end.
  ~BackgroundThread();
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// Any thread. `work` must not throw.
  void post(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace roberta::server
