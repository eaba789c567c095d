#include "server/core/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

namespace roberta::server {
namespace {

void wait_for(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(WorkerPool, RejectsWhenAllAreBusy) {
  WorkerPool pool(2);
  std::atomic<bool> go{false};
  std::atomic<int> done{0};
  const auto work = [&] {
    wait_for([&] { return go.load(); });
    ++done;
  };
  EXPECT_TRUE(pool.submit(work));
  EXPECT_TRUE(pool.submit(work));
  EXPECT_FALSE(pool.submit(work));
  EXPECT_EQ(pool.busy(), 2);
  go = true;
  wait_for([&] { return pool.busy() == 0; });
  EXPECT_EQ(done, 2);
  EXPECT_TRUE(pool.submit(work));
}

TEST(WorkerPool, UsesTheLastIdleThreadAgain) {
  WorkerPool pool(8);
  std::mutex mutex;
  std::set<std::thread::id> used;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.submit([&] {
      const std::lock_guard lock(mutex);
      used.insert(std::this_thread::get_id());
    }));
    wait_for([&] { return pool.busy() == 0; });
  }
  EXPECT_EQ(used.size(), 1u);
}

TEST(WorkerPool, FinishesAllWork) {
  std::atomic<int> done{0};
  {
    WorkerPool pool(64);
    for (int i = 0; i < 64; ++i)
      pool.submit([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ++done;
      });
  }
  EXPECT_EQ(done, 64);
}

}  // namespace
}  // namespace roberta::server
