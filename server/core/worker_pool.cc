#include "server/core/worker_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

namespace roberta::server {
namespace {

constexpr size_t kStack = 1 << 20;  // of address space; a request touches a few tens of kilobytes

struct Worker {
  pthread_t thread{};
  std::condition_variable wake;
  std::function<void()> work;
};

}  // namespace

struct WorkerPool::Impl {
  explicit Impl(int limit) : most(limit) {}

  const int most;
  mutable std::mutex mutex;  // guards all below
  std::list<Worker> workers;
  // The last that became idle is the first to be woken: its stack and its heap are still in the caches.
  std::vector<Worker*> idle;
  bool ending = false;

  void run(Worker& self) {
    std::unique_lock lock(mutex);
    while (true) {
      self.wake.wait(lock, [&] { return self.work || ending; });
      if (!self.work) return;
      std::function<void()> work = std::move(self.work);
      self.work = nullptr;
      lock.unlock();
      work();
      work = nullptr;  // what it holds is freed outside the lock
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

  /// Under the lock. False when the system has no thread for us.
  bool start_one(std::function<void()>& work) {
    Worker& worker = workers.emplace_back();
    worker.work = std::move(work);
    auto start = std::make_unique<Start>(Start{this, &worker});
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStack);
    const bool made = pthread_create(&worker.thread, &attributes, enter, start.get()) == 0;
    pthread_attr_destroy(&attributes);
    if (made) {
      start.release();  // the thread's
      return true;
    }
    work = std::move(worker.work);
    workers.pop_back();
    return false;
  }
};

WorkerPool::WorkerPool(int most) : impl_(std::make_unique<Impl>(most)) {}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
    for (Worker& worker : impl_->workers) worker.wake.notify_one();
  }
  for (Worker& worker : impl_->workers) pthread_join(worker.thread, nullptr);
}

bool WorkerPool::submit(std::function<void()> work) {
  Worker* worker = nullptr;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->ending) return false;
    if (impl_->idle.empty())
      return static_cast<int>(impl_->workers.size()) < impl_->most && impl_->start_one(work);
    worker = impl_->idle.back();
    impl_->idle.pop_back();
    worker->work = std::move(work);
  }
  worker->wake.notify_one();
  return true;
}

int WorkerPool::busy() const {
  std::lock_guard lock(impl_->mutex);
  return static_cast<int>(impl_->workers.size() - impl_->idle.size());
}

}  // namespace roberta::server
