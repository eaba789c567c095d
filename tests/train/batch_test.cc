#include "train/batch.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/train/tuning_sample.h"
#include "train/flops.h"

namespace roberta {
namespace {

TEST(StepReader, GivesEachStepItsBatchWhoeverReadsIt) {
  StepReader reader([](int64_t step) { return repeating_batch(step * 4, 4, 64); }, 200);
  for (int64_t step : {1, 2, 3, 4, 9, 10, 5, 6, 199, 200}) {  // and a jump, which nobody was asked to read
    const StepBatch batch = reader.take(step);
    EXPECT_EQ(batch.samples.first, step * 4);
    EXPECT_EQ(batch.tokens, repeating_batch(step * 4, 4, 64).tokens);
  }
}

TEST(StepReader, AnErrorComesWithItsStep) {
  StepReader reader(
      [](int64_t step) {
        if (step == 3) throw std::runtime_error("step 3");
        return repeating_batch(step, 1, 64);
      },
      10);
  reader.take(1);
  reader.take(2);
  EXPECT_THROW(reader.take(3), std::runtime_error);
  EXPECT_EQ(reader.take(4).samples.first, 4);
}

TEST(ReadStep, SequencesWithoutMasksTrainNothing) {
  const auto unmasked = [](int64_t, MaskedSample& out) { out = {{5, 6, 7}, {}, {}}; };
  const StepBatch batch = read_step(unmasked, {0, 4}, 0, 1, 6, 1);
  EXPECT_TRUE(batch.micros.empty());
  EXPECT_EQ(batch.tokens, 12);
  SmallTraining training;
  const StepResult result = training.run(batch, 1);
  EXPECT_EQ(result.loss, 0);
  EXPECT_EQ(result.gradient_norm, 0);
}

/// Against the sum over the matrix products, shape by shape.
TEST(Flops, CountTheProductsOfAStep) {
  const RobertaConfig config = small_config();
  const double n = 10, m = 3, c = 32, f = 64, v = 48;
  const double layer = 2 * n * c * c * 4 + 2 * n * n * c * 2 + 2 * n * c * f * 2;
  const double last = 2 * n * c * c * 2 + 2 * m * c * c * 2 + 2 * m * n * c * 2 + 2 * m * c * f * 2;
  const double head = 2 * m * c * c + 2 * m * c * v;
  EXPECT_DOUBLE_EQ(training_flops(config, 10, 3), 3 * (layer + last + head));
  StepBatch batch;
  batch.micros.resize(1);
  const std::vector<int32_t> ids(10, 5), positions = {1, 4, 9};
  for (uint32_t s = 0; s < 2; ++s) batch.micros[0].batch.add(ids, positions, positions, {}, s, 1);
  const SmallTraining training;
  EXPECT_DOUBLE_EQ(training_flops(training.parameters, batch), 2 * 3 * (layer + last + head));
}

/// Ten tokens; the head reads one, of question answering all.
TEST(Flops, GoByWhatIsTrained) {
  const double n = 10, c = 32, f = 64;
  const auto encoder = [&](double m) {
    return 2 * n * c * c * 4 + 2 * n * n * c * 2 + 2 * n * c * f * 2 +  // the first layer, and the last
           2 * n * c * c * 2 + 2 * m * c * c * 2 + 2 * m * n * c * 2 + 2 * m * c * f * 2;
  };
  const auto flops = [](const std::string& mode, ObjectiveKind kind) {
    const Tuning tuning(mode, kind);
    StepBatch batch;
    batch.micros.resize(1);
    batch.micros[0].batch.add(std::vector<int32_t>(10, 5),
                              std::vector<int32_t>(kind != ObjectiveKind::kSpans, 0), std::vector<int32_t>{1},
                              {}, 0, 1);
    return training_flops(tuning.parameters, batch);
  };
  const double head = 2 * c * c + 2 * c * 3, span_head = n * 2 * c * 2;
  EXPECT_DOUBLE_EQ(flops("full", ObjectiveKind::kClassification), 3 * (encoder(1) + head));
  EXPECT_DOUBLE_EQ(flops("frozen", ObjectiveKind::kClassification), encoder(1) + 3 * head);
  EXPECT_DOUBLE_EQ(flops("lora", ObjectiveKind::kClassification),
                   2 * encoder(1) + 3 * head + 2 * n * c * c * 4);  // two maps of two layers
  EXPECT_DOUBLE_EQ(flops("full", ObjectiveKind::kSpans), 3 * (encoder(n) + span_head));
}

}  // namespace
}  // namespace roberta
