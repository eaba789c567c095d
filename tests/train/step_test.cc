// The step: learning, and what must not change its result.

#include "train/step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/train/training_sample.h"

namespace roberta {
namespace {

StepOptions without_dropout() { return {.hidden_dropout = 0, .attention_dropout = 0}; }

TEST(Step, OverfitsOneBatch) {
  SmallTraining training(without_dropout());
  const StepBatch batch = repeating_batch(0, 8, 256);
  const double first = training.run(batch, 1, 3e-3).loss;
  EXPECT_NEAR(first, std::log(48.0), 0.2);  // an untrained model guesses
  double last = first;
  for (int64_t step = 2; step <= 90; ++step) last = training.run(batch, step, 3e-3).loss;
  EXPECT_LT(last, 0.05);
}

TEST(Step, LossOfAnUntrainedModelInBf16) {
  SmallTraining training(without_dropout(), "cpu", 1, DType::kBF16);
  EXPECT_NEAR(training.run(repeating_batch(0, 8, 256), 1).loss, std::log(48.0), 0.2);
}

/// Dropout on: it goes by the sample's number in the batch, not by its micro-batch.
TEST(Step, FourMicroBatchesAreOneBigOne) {
  SmallTraining whole, parts;
  const StepBatch big = repeating_batch(0, 16, 10000), small = repeating_batch(0, 16, 72);
  ASSERT_EQ(big.micros.size(), 1u);
  ASSERT_GE(small.micros.size(), 4u);
  const StepResult a = whole.run(big, 1, 0), b = parts.run(small, 1, 0);
  EXPECT_NEAR(a.loss, b.loss, 1e-6 * a.loss);
  EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-6 * a.gradient_norm);
  const std::vector<float> x = copy(whole.parameters, whole.parameters.gradients()),
                           y = copy(parts.parameters, parts.parameters.gradients());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 1e-6) << i;
}

TEST(Step, ThreadsChangeNoBit) {
  for (DType compute_dtype : {DType::kF32, DType::kBF16}) {
    SmallTraining one({}, "cpu", 1, compute_dtype), three({}, "cpu", 3, compute_dtype);
    for (int64_t step = 1; step <= 3; ++step) {
      const StepBatch batch = repeating_batch(step * 16, 16, 128);
      const StepResult a = one.run(batch, step), b = three.run(batch, step);
      EXPECT_EQ(a.loss, b.loss);
      EXPECT_EQ(a.gradient_norm, b.gradient_norm);
    }
    EXPECT_EQ(copy(one.parameters, one.parameters.master_weights()),
              copy(three.parameters, three.parameters.master_weights()));
  }
}

TEST(Step, RecomputedActivationsChangeNoBit) {
  SmallTraining kept, again({.recompute = true});
  const StepBatch batch = repeating_batch(0, 8, 128);
  EXPECT_EQ(kept.run(batch, 1).loss, again.run(batch, 1).loss);
  EXPECT_EQ(copy(kept.parameters, kept.parameters.gradients()),
            copy(again.parameters, again.parameters.gradients()));
}

TEST(Step, DevicesAgreeWithTheReference) {
  for (const std::string& name : model_devices()) {
    SmallTraining device({}, name), ref({}, "ref");
    for (int64_t step = 1; step <= 3; ++step) {
      const StepBatch batch = repeating_batch(step * 8, 8, 128);
      EXPECT_NEAR(device.run(batch, step).loss, ref.run(batch, step).loss, 1e-5) << name;
    }
  }
}

TEST(Step, DropoutIsAnotherAtEachStepAndSeed) {
  SmallTraining training, other({.seed = 1});
  const StepBatch batch = repeating_batch(0, 8, 256);
  const double first = training.run(batch, 1, 0).loss;
  EXPECT_NE(first, training.run(batch, 2, 0).loss);
  EXPECT_EQ(first, training.run(batch, 1, 0).loss);
  EXPECT_NE(first, other.run(batch, 1, 0).loss);
}

TEST(Step, ValidationHasNoDropoutAndChangesNothing) {
  SmallTraining training;
  const std::vector<float> before = copy(training.parameters, training.parameters.master_weights());
  const std::vector<StepBatch> batches = {repeating_batch(0, 4, 64), repeating_batch(4, 4, 64)};
  const std::vector<StepBatch> whole = {repeating_batch(0, 8, 1000)};
  EXPECT_NEAR(training.step.validate(batches), training.step.validate(whole), 1e-6);
  EXPECT_EQ(before, copy(training.parameters, training.parameters.master_weights()));
}

TEST(Step, ANonFiniteLossIsReportedAndChangesNothing) {
  SmallTraining training;
  const StepBatch batch = repeating_batch(100, 8, 64);
  training.run(batch, 1);
  // A weight that only some samples read: the row of an id.
  const int32_t id = batch.micros[1].batch.batch.ids[0];
  HostBlock(training.parameters, training.parameters.master_weights())[static_cast<size_t>(id * 32)] =
      std::numeric_limits<float>::infinity();
  training.parameters.pack();
  const std::vector<float> values = copy(training.parameters, training.parameters.master_weights()),
                           moments = copy(training.parameters, training.parameters.first_moments());
  const StepResult result = training.run(batch, 2);
  EXPECT_FALSE(result.finite);
  EXPECT_NE(result.nonfinite_message.find("step 2"), std::string::npos) << result.nonfinite_message;
  EXPECT_NE(result.nonfinite_message.find("rank 0, samples 10"), std::string::npos)
      << result.nonfinite_message;
  EXPECT_EQ(values, copy(training.parameters, training.parameters.master_weights()));
  EXPECT_EQ(moments, copy(training.parameters, training.parameters.first_moments()));
}

TEST(Step, RanksTakeEvenSlicesOfTheSameBatch) {
  const StepBatch all = repeating_batch(40, 10, 1000);
  int64_t units = 0, begin = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const StepBatch part = read_step(repeating_sample, {40, 10}, rank, 3, 1000, 1);
    EXPECT_EQ(part.begin, begin);
    const auto& counters = part.micros[0].batch.dropout_counters;
    EXPECT_EQ(counters[0] >> 32, static_cast<uint64_t>(begin));
    begin = static_cast<int64_t>(counters.back() >> 32) + 1;
    units += part.units;
  }
  EXPECT_EQ(begin, 10);
  EXPECT_EQ(units, all.units);
}

}  // namespace
}  // namespace roberta
