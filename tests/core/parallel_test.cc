#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace roberta {
namespace {

TEST(ParallelFor, EachPieceOnceAndEachThreadIndexByOneThreadAtATime) {
  for (int threads : {1, 2, 3, 7}) {
    for (int64_t pieces : {0, 1, 2, 5, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<size_t>(pieces));
      std::vector<std::atomic<int>> inside(static_cast<size_t>(threads));
      std::atomic<int> overlaps{0};
      parallel_for(threads, pieces, [&](int64_t piece, int thread) {
        if (inside.at(static_cast<size_t>(thread)).fetch_add(1) != 0) ++overlaps;
        ++done[static_cast<size_t>(piece)];
        inside[static_cast<size_t>(thread)].fetch_sub(1);
      });
      EXPECT_EQ(overlaps, 0);
      for (const std::atomic<int>& n : done) ASSERT_EQ(n, 1);
    }
  }
}

TEST(ParallelFor, ManyShortJobsInTurnSeeTheirOwnWork) {
  for (int job = 0; job < 20000; ++job) {
    std::atomic<int64_t> sum{0};
    parallel_for(3, 8, [&](int64_t piece, int) { sum += piece + job; });
    ASSERT_EQ(sum, 28 + 8 * job);
  }
}

TEST(ParallelFor, TheFirstExceptionComesOutAndTheNextJobRuns) {
  for (int threads : {1, 4}) {
    EXPECT_THROW(parallel_for(threads, 100,
                              [](int64_t piece, int) {
                                if (piece == 17) throw std::runtime_error("17");
                              }),
                 std::runtime_error);
    std::atomic<int> count{0};
    parallel_for(threads, 100, [&](int64_t, int) { ++count; });
    EXPECT_EQ(count, 100);
  }
}

TEST(ParallelFor, NestedAndConcurrentCallsRunToTheirEnds) {
  std::atomic<int> count{0};
  const auto nested = [&] {
    parallel_for(4, 10, [&](int64_t, int) { parallel_for(4, 10, [&](int64_t, int) { ++count; }); });
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 50; ++j) nested();
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(count, 4 * 50 * 100);
}

/// Loops of several callers at once: each piece once, each thread index by one thread at a time, and no
/// caller waits for another one's loop.
TEST(ParallelFor, SeveralCallersShareTheWorkers) {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 5; ++caller) {
    callers.emplace_back([caller] {
      for (int round = 0; round < 300; ++round) {
        const int threads = 2 + caller % 3;
        const int64_t pieces = 1 + (round * 7 + caller) % 40;
        std::vector<std::atomic<int>> done(static_cast<size_t>(pieces)), inside(static_cast<size_t>(threads));
        std::atomic<int> overlaps{0};
        const auto work = [&](int64_t piece, int thread) {
          if (inside.at(static_cast<size_t>(thread)).fetch_add(1) != 0) ++overlaps;
          if (round % 10 == 0) std::this_thread::yield();
          ++done[static_cast<size_t>(piece)];
          inside[static_cast<size_t>(thread)].fetch_sub(1);
        };
        if (round % 50 == 49) {
          EXPECT_THROW(parallel_for(threads, pieces,
                                    [&](int64_t piece, int thread) {
                                      work(piece, thread);
                                      throw std::runtime_error("all");
                                    }),
                       std::runtime_error);
          continue;
        }
        parallel_for(threads, pieces, work);
        ASSERT_EQ(overlaps, 0);
        for (const std::atomic<int>& n : done) ASSERT_EQ(n, 1);
      }
    });
  }
  for (std::thread& t : callers) t.join();
}

/// Two loops of four threads each, where four may compute: each gets a worker, however late it begins.
TEST(ParallelFor, NeitherOfTwoCallersComputesAloneWhileWorkersAreIdle) {
  struct Caller {
    std::atomic<int> inside{0}, most{0};
  } callers[2];
  const auto run = [&](Caller& caller) {
    parallel_for(4, 100, [&](int64_t, int) {
      const int now = caller.inside.fetch_add(1) + 1;
      for (int seen = caller.most; seen < now && !caller.most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      caller.inside.fetch_sub(1);
    });
  };
  std::thread second([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the first one has all workers by then
    run(callers[1]);
  });
  run(callers[0]);
  second.join();
  EXPECT_GE(callers[0].most, 2);
  EXPECT_GE(callers[1].most, 2);
}

}  // namespace
}  // namespace roberta
