#include "server/core/worker_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

namespace roberta::server {
namespace {

constexpr size_t kStackBytes = 1 << 20;  // of address space; a request uses a few tens of kilobytes

struct Worker {
  pthread_t thread{};
  std::condition_variable work_cv;
  std::function<void()> work;
};

}  // namespace

struct WorkerPool::Impl {
  explicit Impl(int limit) : max_threads(limit) {}

  const int max_threads;
  mutable std::mutex mutex;  // protects the following members
  std::list<Worker> workers;
  // The thread that became idle last is woken first: its stack and heap are still in the caches.
  std::vector<Worker*> idle;
  bool stopping = false;

  void run(Worker& self) {
    std::unique_lock lock(mutex);
    while (true) {
      self.work_cv.wait(lock, [&] { return self.work || stopping; });
      if (!self.work) return;
      std::function<void()> work = std::move(self.work);
      self.work = nullptr;
      lock.unlock();
      work();
      work = nullptr;  // what it captures is freed outside the lock
      lock.lock();
      idle.push_back(&self);
    }
  }

  struct Start {
    Impl* pool;
    Worker* worker;
  };
  static void* enter(void* start) {
    const Start here = *static_cast<Start*>(start);
    delete static_cast<Start*>(start);
    here.pool->run(*here.worker);
    return nullptr;
  }

  /// Under the lock. False when the system can't create a thread.
  bool start_one(std::function<void()>& work) {
    Worker& worker = workers.emplace_back();
    worker.work = std::move(work);
    auto start = std::make_unique<Start>(Start{this, &worker});
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    const bool created = pthread_create(&worker.thread, &attributes, enter, start.get()) == 0;
    pthread_attr_destroy(&attributes);
    if (created) {
      start.release();  // owned by the thread
      return true;
    }
    work = std::move(worker.work);
    workers.pop_back();
    return false;
  }
};

WorkerPool::WorkerPool(int max_threads) : impl_(std::make_unique<Impl>(max_threads)) {}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    for (Worker& worker : impl_->workers) worker.work_cv.notify_one();
  }
  for (Worker& worker : impl_->workers) pthread_join(worker.thread, nullptr);
}

bool WorkerPool::submit(std::function<void()> work) {
  Worker* worker = nullptr;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return false;
    if (impl_->idle.empty())
      return static_cast<int>(impl_->workers.size()) < impl_->max_threads && impl_->start_one(work);
    worker = impl_->idle.back();
    impl_->idle.pop_back();
    worker->work = std::move(work);
  }
  worker->work_cv.notify_one();
  return true;
}

int WorkerPool::busy() const {
  std::lock_guard lock(impl_->mutex);
  return static_cast<int>(impl_->workers.size() - impl_->idle.size());
}

}  // namespace roberta::server
