// Which sequences a step takes.
#include "api/finetune/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace roberta {
namespace {

std::vector<Feature> features(size_t count) {
  std::vector<Feature> out(count);
  for (size_t i = 0; i < count; ++i) {
    out[i].ids.assign(3 + i * 7 % 11, static_cast<int32_t>(i + 5));
    out[i].positions = {0};
    out[i].targets = {static_cast<int32_t>(i)};
  }
  return out;
}

TEST(FinetuneBatches, AnEpochHasEachSequenceOnce) {
  const std::vector<Feature> data = features(23);
  const FinetuneBatches batches(data, {.seed = 1, .batch_size = 4, .epochs = 3});
  EXPECT_EQ(batches.steps_of_first_epoch(), 6);
  EXPECT_EQ(batches.steps(), 18);
  std::vector<std::vector<int64_t>> epochs(3);
  for (int64_t step = 1; step <= 18; ++step) {
    const std::vector<int64_t> own = batches.sequences_of(step);
    EXPECT_EQ(own.size(), step % 6 == 0 ? 3u : 4u);
    std::vector<int64_t>& epoch = epochs[static_cast<size_t>((step - 1) / 6)];
    epoch.insert(epoch.end(), own.begin(), own.end());
    EXPECT_EQ(batches.ends_epoch(step), step % 6 == 0);
    EXPECT_DOUBLE_EQ(batches.epoch_at(step), static_cast<double>(step) / 6);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  for (std::vector<int64_t>& epoch : epochs) {
    std::sort(epoch.begin(), epoch.end());
    for (size_t i = 0; i < epoch.size(); ++i) EXPECT_EQ(epoch[i], static_cast<int64_t>(i));
  }
  const FinetuneBatches in_order(data, {.batch_size = 4, .shuffle = false, .epochs = 1});
  EXPECT_EQ(in_order.sequences_of(2), (std::vector<int64_t>{4, 5, 6, 7}));
}

TEST(FinetuneBatches, StepsAreThoseAskedFor) {
  const std::vector<Feature> data = features(10);
  EXPECT_EQ(FinetuneBatches(data, {.batch_size = 4, .epochs = 1.5}).steps(), 5);  // 3 + ceil(1.5)
  EXPECT_EQ(FinetuneBatches(data, {.batch_size = 4, .epochs = 1, .steps = 7}).steps(), 7);
  EXPECT_EQ(FinetuneBatches(data, {.batch_size = 4, .epochs = 10, .max_steps = 8}).steps(), 8);
  EXPECT_EQ(FinetuneBatches(data, {.batch_size = 4, .epochs = 2, .max_steps = 8}).steps(), 6);
}

TEST(FinetuneBatches, AStepByTokensIsAsLargeAsFits) {
  const std::vector<Feature> data = features(40);
  const FinetuneBatches batches(data, {.seed = 3, .batch_tokens = 30, .epochs = 2});
  std::multiset<int64_t> seen;
  for (int64_t step = 1; step <= batches.steps(); ++step) {
    size_t tokens = 0;
    for (const int64_t i : batches.sequences_of(step))
      tokens += data[static_cast<size_t>(i)].ids.size(), seen.insert(i);
    EXPECT_LE(tokens, 30u);
  }
  for (int64_t i = 0; i < 40; ++i) EXPECT_EQ(seen.count(i), 2u);
}

TEST(FinetuneBatches, RanksShareAStepAndMicroBatchesAreAlikeInLength) {
  const std::vector<Feature> data = features(40);
  const FinetuneBatches batches(data, {.seed = 3, .batch_size = 16, .micro_batch_tokens = 30, .epochs = 1});
  std::set<uint64_t> samples;
  int64_t units = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const StepBatch batch = batches.read(1, rank, 3, 1);
    EXPECT_EQ(batch.samples.count, 16);
    units += batch.units;
    size_t before = 100;
    for (const StepBatch::Micro& micro : batch.micros) {
      const std::vector<int32_t>& starts = micro.batch.batch.starts;
      EXPECT_LE(starts.back(), 30);
      for (size_t s = 0; s + 1 < starts.size(); ++s) {
        const size_t length = static_cast<size_t>(starts[s + 1] - starts[s]);
        EXPECT_LE(length, before);
        before = length;
        samples.insert(micro.batch.dropout_counters[static_cast<size_t>(starts[s])] >> 32);
      }
    }
  }
  EXPECT_EQ(units, 16);
  EXPECT_EQ(samples.size(), 16u);  // dropout tells them apart, and no rank has another's
}

}  // namespace
}  // namespace roberta
