// The backward pass of the whole model against finite differences, in double on `ref`: for every objective,
// with and without dropout, tied and not, with recomputed activations, and accumulated over micro-batches.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/model/gradient_model.h"
#include "tests/model/objective_sample.h"

namespace roberta::testing {
namespace {

constexpr ObjectiveKind kMaskedLm = ObjectiveKind::kMaskedLm;

struct Case {
  ObjectiveKind kind;
  float dropout;
  bool recompute;
  bool tied = true;
  float smoothing = 0;
};
std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string(name_of(c.kind)) + (c.dropout > 0 ? "Dropout" : "") + (c.recompute ? "Recompute" : "") +
         (c.tied ? "" : "Untied") + (c.smoothing > 0 ? "Smooth" : "");
}
class Gradient : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Gradient,
                         ::testing::Values(Case{kMaskedLm, 0, false}, Case{kMaskedLm, 0.3f, false},
                                           Case{kMaskedLm, 0.3f, false, false}, Case{kMaskedLm, 0.3f, true},
                                           Case{ObjectiveKind::kClassification, 0, false},
                                           Case{ObjectiveKind::kClassification, 0.3f, true, true, 0.2f},
                                           Case{ObjectiveKind::kRegression, 0.3f, false},
                                           Case{ObjectiveKind::kMultiLabel, 0.3f, false},
                                           Case{ObjectiveKind::kTokens, 0.3f, false},
                                           Case{ObjectiveKind::kTokens, 0, false, true, 0.2f},
                                           Case{ObjectiveKind::kSpans, 0.3f, false},
                                           Case{ObjectiveKind::kSpans, 0, true}),
                         name_of_case);

TEST_P(Gradient, EqualsFiniteDifferences) {
  const Case& c = GetParam();
  GradientModel model(tiny_config(), sample_objective(c.kind, c.smoothing), c.tied);
  const TrainingBatch batch = sample_batch(c.kind);
  ObjectiveTraining training = with_dropout(c.dropout);
  training.pass.recompute = c.recompute;
  std::vector<int64_t> blocks;
  training.ready = [&](int64_t block) { blocks.push_back(block); };
  model.loss_and_grad(batch, training);
  EXPECT_EQ(blocks, (std::vector<int64_t>{2, 1, 0, -1, 2, 1, 0, -1}));  // dry run and real run
  training.ready = {};
  const std::vector<double> gradients = model.gradients();
  const double h = 1e-5;
  int nonzero = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    double& x = model.values()[i];
    const double kept = x;
    x = kept + h;
    const double above = model.loss_and_grad(batch, training);
    x = kept - h;
    const double below = model.loss_and_grad(batch, training);
    x = kept;
    const double want = training.scale * (above - below) / (2 * h);
    ASSERT_NEAR(gradients[i], want, 1e-7 + 1e-6 * std::abs(want)) << "parameter " << i;
    nonzero += std::abs(want) > 1e-6;
  }
  EXPECT_GT(nonzero, static_cast<int>(gradients.size()) / 2);
}

class EveryObjective : public ::testing::TestWithParam<ObjectiveKind> {};
INSTANTIATE_TEST_SUITE_P(All, EveryObjective, ::testing::ValuesIn(kAllObjectives),
                         [](const auto& info) { return name_of(info.param); });

TEST_P(EveryObjective, WithoutDropoutTheLossIsThatOfTheForward) {
  GradientModel model(tiny_config(), sample_objective(GetParam()));
  const TrainingBatch batch = sample_batch(GetParam());
  const double loss = model.forward_loss(batch);
  EXPECT_NEAR(model.loss_and_grad(batch, with_dropout(0)), loss, 1e-12);
  EXPECT_GT(std::abs(model.loss_and_grad(batch, with_dropout(0.3f)) - loss), 1e-3);
}

TEST_P(EveryObjective, MicroBatchesAddUp) {
  GradientModel model(tiny_config(), sample_objective(GetParam()));
  TrainingBatch both = sample_batch(GetParam());
  add_samples(both, GetParam(), 3);
  ObjectiveTraining training = with_dropout(0.3f);
  const double loss = model.loss_and_grad(both, training);
  const std::vector<double> gradients = model.gradients();
  double parts = model.loss_and_grad(sample_batch(GetParam()), training);
  training.pass.accumulate = true;
  parts += model.loss_and_grad(sample_batch(GetParam(), 3), training);
  EXPECT_NEAR(parts, loss, 1e-12);
  const std::vector<double> sums = model.gradients();
  for (size_t i = 0; i < gradients.size(); ++i) ASSERT_NEAR(sums[i], gradients[i], 1e-13) << i;
}

/// A batch in which nothing is to be learnt is one of zeros, not of garbage.
TEST_P(EveryObjective, WithoutRowsAllIsZero) {
  GradientModel model(tiny_config(), sample_objective(GetParam()));
  TrainingBatch batch = sample_batch(GetParam());
  batch.rows.clear();
  batch.targets.assign(GetParam() == ObjectiveKind::kSpans ? 6 : 0, -1);
  batch.values.clear();
  EXPECT_EQ(model.loss_and_grad(batch, with_dropout(0.3f)), 0);
  for (const double g : model.gradients()) ASSERT_EQ(g, 0);
}

TEST(GradientOfTheModel, RecomputingGivesTheSameBitsInLessMemory) {
  RobertaConfig config = tiny_config();
  config.num_hidden_layers = 6;
  GradientModel model(config);
  ObjectiveTraining training = with_dropout(0.2f);
  const double loss = model.loss_and_grad(sample_batch(kMaskedLm), training);
  const std::vector<double> gradients = model.gradients();
  const size_t peak = model.peak();
  training.pass.recompute = true;
  EXPECT_EQ(model.loss_and_grad(sample_batch(kMaskedLm), training), loss);
  EXPECT_EQ(model.gradients(), gradients);
  EXPECT_LT(model.peak(), peak * 2 / 3);
}

TEST(GradientOfTheModel, RowsOfPaddingStay) {
  RobertaConfig config = tiny_config();
  GradientModel model(config);
  model.loss_and_grad(sample_batch(kMaskedLm), with_dropout(0));
  // The decoder does move the row of <pad>: its logits are part of the softmax. The position row of padding
  // stays.
  const std::vector<double> gradients = model.gradients();
  const size_t position_rows = static_cast<size_t>(config.vocab_size * config.hidden_size);
  for (size_t i = 0; i < 2 * static_cast<size_t>(config.hidden_size); ++i)
    EXPECT_EQ(gradients[position_rows + i], 0);
}

}  // namespace
}  // namespace roberta::testing
