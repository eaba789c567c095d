#include "train/reducer.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/backend/devices.h"
#include "tests/expect_error.h"
#include "tests/train/thread_comm.h"

namespace roberta {
namespace {

constexpr int64_t kBucket = 100;  // floats

/// Hands a block of `n` over in ranges of `range` from its end, three steps long.
void train(Comm& comm, int64_t n, int64_t range) {
  const std::unique_ptr<Device> device = open_test_device("guard");
  const Buffer block = device->allocate(static_cast<size_t>(n) * sizeof(float));
  const DeviceSpan<float> gradients = block.span<float>(0, n);
  GradientReducer reducer(comm, *device, gradients, kBucket * 4);
  for (int step = 1; step <= 3; ++step) {
    for (int64_t end = n; end > 0; end = std::max<int64_t>(0, end - range)) {
      const int64_t begin = std::max<int64_t>(0, end - range);
      std::vector<float> own;
      for (int64_t i = begin; i < end; ++i) own.push_back(static_cast<float>(i * step + comm.rank()));
      device->upload(gradients.subspan(begin, end - begin).data(), own.data(), own.size() * sizeof(float));
      reducer.ready(begin, end);
    }
    reducer.wait();
    const std::vector<float> sums = download(*device, gradients);
    for (int64_t i = 0; i < n; ++i)
      ASSERT_EQ(sums[static_cast<size_t>(i)], static_cast<float>(2 * i * step + 1)) << i;
  }
}

struct OnDevice {
  explicit OnDevice(int64_t n)
      : block(device->allocate(static_cast<size_t>(n) * sizeof(float))), span(block.span<float>(0, n)) {}
  std::unique_ptr<Device> device = open_test_device("guard");
  Buffer block;
  DeviceSpan<float> span;
};

TEST(Reducer, RanksThatFinishOtherRangesAgree) {
  for (const int64_t n : {1, 99, 100, 101, 1234}) {
    Pair pair;
    ThreadComm first(pair, 0), second(pair, 1);
    std::thread other([&] { train(second, n, 77); });
    train(first, n, 310);
    other.join();
    // From the end of the block to its start, the same cut in each step.
    const size_t buckets = static_cast<size_t>((n + kBucket - 1) / kBucket);
    ASSERT_EQ(pair.sizes.size(), 3 * buckets);
    EXPECT_EQ(pair.sizes[0], static_cast<size_t>(n - static_cast<int64_t>(buckets - 1) * kBucket));
    EXPECT_EQ(pair.sizes[buckets], pair.sizes[0]);
  }
}

TEST(Reducer, FailureOfTheTransportComesOutOfWait) {
  Pair pair;
  ThreadComm comm(pair, 0);
  comm.fails = true;
  const OnDevice gradients(250);
  GradientReducer reducer(comm, *gradients.device, gradients.span, kBucket * 4);
  reducer.ready(0, 250);
  EXPECT_ERROR(ErrorCode::kFailed, reducer.wait(), "is gone");
}

TEST(Reducer, MisuseIsReported) {
  Pair pair;
  ThreadComm comm(pair, 0);
  const OnDevice gradients(250);
  GradientReducer reducer(comm, *gradients.device, gradients.span, kBucket * 4);
  EXPECT_ERROR(ErrorCode::kFailed, reducer.ready(0, 251), "range 0..251 of 250");
  reducer.ready(0, 100);
  EXPECT_ERROR(ErrorCode::kFailed, reducer.ready(30, 150), "handed over before");
  EXPECT_ERROR(ErrorCode::kFailed, reducer.wait(), "not handed over");
}

TEST(Reducer, LeavingInTheMiddleOfAStepCancels) {
  Pair pair;
  ThreadComm comm(pair, 0);
  const OnDevice gradients(250);
  { GradientReducer(comm, *gradients.device, gradients.span, kBucket * 4).ready(0, 150); }
  EXPECT_FALSE(comm.cancelled) << "no collective can have begun";
  comm.fails = true;
  { GradientReducer(comm, *gradients.device, gradients.span, kBucket * 4).ready(100, 250); }
  EXPECT_TRUE(comm.cancelled);
}

}  // namespace
}  // namespace roberta
