#pragma once
// Threads for requests, made when needed and kept: a request is plain blocking code on a thread of its own,
// and most of the time that thread waits for a batch.

#include <functional>
#include <memory>

namespace roberta::server {

class WorkerPool {
 public:
  explicit WorkerPool(int most);
  ~WorkerPool();  ///< waits for all
  /// False when all are busy (the request is refused), or no thread could be made.
  bool submit(std::function<void()> work);
  int busy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
