#pragma once
// Threads for requests, created on demand and kept. A request is plain blocking code on its own thread, which
// waits for a batch most of the time.

#include <functional>
#include <memory>

namespace roberta::server {

class WorkerPool {
 public:
  explicit WorkerPool(int max_threads);
  ~WorkerPool();  ///< waits for all functions
  /// False when all threads are busy, or no thread could be created.
  bool submit(std::function<void()> work);
  int busy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
