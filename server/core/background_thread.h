#pragma once
// A thread that runs posted functions one after another.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace roberta::server {

class BackgroundThread {
 public:
  BackgroundThread() : thread_([this] { run(); }) {}
  /// Runs the functions that are still queued.
  ~BackgroundThread();
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// Any thread. `work` must not throw.
  void post(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable work_cv_;
  std::deque<std::function<void()>> work_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace roberta::server
