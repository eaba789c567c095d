// The way back of the whole model against finite differences, in double on `ref`: with and without dropout,
// tied and not, with recomputed activations, and accumulated over micro-batches.

#include <gtest/gtest.h>

#include <cmath>

#include "model/gradient_model.h"

namespace roberta::testing {
namespace {

RobertaConfig tiny_config() {
  RobertaConfig config;
  config.vocab_size = 13;
  config.hidden_size = 6;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 10;
  config.max_position_embeddings = 12;
  config.type_vocab_size = 2;
  config.layer_norm_eps = 1e-3;  // large, so that a small variance doesn't spoil the differences
  return config;
}

TrainingBatch tiny_batch(uint32_t first_sample = 0) {
  TrainingBatch batch;
  batch.add(std::vector<int32_t>{0, 5, 12, 7, 7, 2}, std::vector<int32_t>{2, 4}, std::vector<int32_t>{6, 8},
            first_sample, 1);
  batch.add(std::vector<int32_t>{0, 12, 9}, std::vector<int32_t>{1}, std::vector<int32_t>{3},
            first_sample + 1, 1);
  batch.add(std::vector<int32_t>{4, 4, 10, 11}, std::vector<int32_t>{}, std::vector<int32_t>{},
            first_sample + 2, 1);
  return batch;
}

ObjectiveTraining with_dropout(float rate) {
  ObjectiveTraining training;
  training.pass.hidden_dropout = training.pass.attention_dropout = rate;
  training.pass.dropout_key = 99;
  training.scale = 0.5;
  return training;
}

struct Case {
  bool tied;
  float dropout;
  bool recompute;
};
class Gradient : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Gradient,
                         ::testing::Values(Case{true, 0, false}, Case{true, 0.3f, false},
                                           Case{false, 0.3f, false}, Case{true, 0.3f, true}));

TEST_P(Gradient, EqualsFiniteDifferences) {
  GradientModel model(tiny_config(), GetParam().tied);
  const TrainingBatch batch = tiny_batch();
  ObjectiveTraining training = with_dropout(GetParam().dropout);
  training.pass.recompute = GetParam().recompute;
  std::vector<int64_t> parts;
  training.ready = [&](int64_t part) { parts.push_back(part); };
  model.loss_and_grad(batch, training);
  EXPECT_EQ(parts, (std::vector<int64_t>{2, 1, 0, -1, 2, 1, 0, -1}));  // dry run and real run
  training.ready = {};
  const std::vector<double> gradients = model.gradients();
  const double h = 1e-5;
  int nonzero = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    double& x = model.values()[i];
    const double kept = x;
    x = kept + h;
    const double above = model.loss(batch, training);
    x = kept - h;
    const double below = model.loss(batch, training);
    x = kept;
    const double want = training.scale * (above - below) / (2 * h);
    ASSERT_NEAR(gradients[i], want, 1e-7 + 1e-6 * std::abs(want)) << "parameter " << i;
    nonzero += std::abs(want) > 1e-6;
  }
  EXPECT_GT(nonzero, static_cast<int>(gradients.size()) / 2);
}

TEST(GradientOfTheModel, WithoutDropoutTheLossIsThatOfTheForward) {
  GradientModel model(tiny_config(), true);
  EXPECT_NEAR(model.loss(tiny_batch(), with_dropout(0)), model.forward_loss(tiny_batch()), 1e-12);
}

TEST(GradientOfTheModel, RecomputingGivesTheSameBitsInLessMemory) {
  RobertaConfig config = tiny_config();
  config.num_hidden_layers = 6;
  GradientModel model(config, true);
  ObjectiveTraining training = with_dropout(0.2f);
  const double loss = model.loss_and_grad(tiny_batch(), training);
  const std::vector<double> gradients = model.gradients();
  const size_t peak = model.peak();
  training.pass.recompute = true;
  EXPECT_EQ(model.loss_and_grad(tiny_batch(), training), loss);
  EXPECT_EQ(model.gradients(), gradients);
  EXPECT_LT(model.peak(), peak * 2 / 3);
}

TEST(GradientOfTheModel, MicroBatchesAddUp) {
  GradientModel model(tiny_config(), true);
  TrainingBatch whole = tiny_batch(), other = tiny_batch(3), both;
  for (uint32_t first : {0u, 3u}) {
    both.add(std::vector<int32_t>{0, 5, 12, 7, 7, 2}, std::vector<int32_t>{2, 4}, std::vector<int32_t>{6, 8},
             first, 1);
    both.add(std::vector<int32_t>{0, 12, 9}, std::vector<int32_t>{1}, std::vector<int32_t>{3}, first + 1, 1);
    both.add(std::vector<int32_t>{4, 4, 10, 11}, std::vector<int32_t>{}, std::vector<int32_t>{}, first + 2,
             1);
  }
  ObjectiveTraining training = with_dropout(0.3f);
  const double loss = model.loss_and_grad(both, training);
  const std::vector<double> gradients = model.gradients();
  double parts = model.loss_and_grad(whole, training);
  training.pass.accumulate = true;
  parts += model.loss_and_grad(other, training);
  EXPECT_NEAR(parts, loss, 1e-12);
  for (size_t i = 0; i < gradients.size(); ++i) ASSERT_NEAR(model.gradients()[i], gradients[i], 1e-13) << i;
}

TEST(GradientOfTheModel, RowsOfPaddingStay) {
  RobertaConfig config = tiny_config();
  GradientModel model(config, true);
  model.loss_and_grad(tiny_batch(), with_dropout(0));
  // The decoder does move the row of <pad>: its logits are part of the softmax. The position row of padding
  // stays.
  const size_t position_rows =
      static_cast<size_t>(config.vocab_size * config.hidden_size + config.vocab_size);
  for (size_t i = 0; i < 2 * static_cast<size_t>(config.hidden_size); ++i) {
    EXPECT_EQ(model.gradients()[position_rows + i], 0);
  }
}

}  // namespace
}  // namespace roberta::testing
