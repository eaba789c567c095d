// What of a model isn't trained: its gradients stay, those of the rest keep their bits, on `ref` and on every
// CPU kernel set; and these against `ref` in double. Then the heads' own arithmetic.

#include <gtest/gtest.h>

#include <cmath>

#include "backend/host_view.h"
#include "model/heads/classifier.h"
#include "tests/model/gradient_model.h"
#include "tests/model/objective_sample.h"

namespace roberta::testing {
namespace {

struct Case {
  ObjectiveKind kind;
  std::string device;
  DType compute_dtype;
};
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (ObjectiveKind kind : kAllObjectives) {
    cases.push_back({kind, "ref", DType::kF64});
    cases.push_back({kind, "guard", DType::kF64});
    for (const std::string& name : fast_devices()) {
      for (DType compute_dtype : {DType::kF32, DType::kBF16}) cases.push_back({kind, name, compute_dtype});
    }
  }
  return cases;
}
std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  return std::string(name_of(info.param.kind)) + "_" + info.param.device + "_" +
         roberta::name_of(info.param.compute_dtype);
}

class ObjectiveOn : public ::testing::TestWithParam<Case> {
 protected:
  GradientModel model(const RobertaConfig& config) const {
    const Case& c = GetParam();
    return GradientModel(config, sample_objective(c.kind, 0.1f), false, open_test_device(c.device),
                         c.compute_dtype);
  }
  TrainingBatch batch() const { return sample_batch(GetParam().kind); }

  /// The gradients that are left by `trim` are as they were, the others untouched.
  template <class Trim>
  void expect_same_without(int64_t first_trainable_block, const std::vector<int64_t>& parts, Trim trim) {
    RobertaConfig config = tiny_config();
    config.num_hidden_layers = 3;
    for (bool recompute : {false, true}) {
      GradientModel m = model(config);
      ObjectiveTraining training = with_dropout(0.3f);
      training.pass.recompute = recompute;
      const double loss = m.loss_and_grad(batch(), training);
      const std::vector<double> all = m.gradients();
      const size_t peak = m.peak();
      trim(m.encoder_grads, m.head_grads);
      const std::vector<double> want = m.only_viewed(all);
      ASSERT_NE(want, all);
      std::vector<int64_t> seen;
      training.first_trainable_block = first_trainable_block;
      training.ready = [&](int64_t block) { seen.push_back(block); };
      EXPECT_EQ(m.loss_and_grad(batch(), training), loss);
      EXPECT_EQ(m.gradients(), want);
      EXPECT_EQ(std::vector<int64_t>(seen.begin() + static_cast<int64_t>(seen.size() / 2), seen.end()),
                parts);
      if (!recompute && first_trainable_block > 0) {
        EXPECT_LT(m.peak(), peak * 9 / 10);
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, ObjectiveOn, ::testing::ValuesIn(all_cases()), name_of_case);

TEST_P(ObjectiveOn, TheHeadAlone) {
  expect_same_without(3, {3}, [](EncoderGrads& g, HeadGrads&) {
    g.embeddings = {};
    for (LayerGrads& layer : g.layers) layer = {};
  });
}

TEST_P(ObjectiveOn, FromALayerInTheMiddle) {
  expect_same_without(1, {3, 2, 1}, [](EncoderGrads& g, HeadGrads&) {
    g.embeddings = {};
    g.layers[0] = {};
  });
}

TEST_P(ObjectiveOn, TheLastLayerAlone) {
  expect_same_without(2, {3, 2}, [](EncoderGrads& g, HeadGrads& h) {
    g.embeddings = {};
    g.layers[0] = g.layers[1] = {};
    h = {};
  });
}

TEST_P(ObjectiveOn, WhatLowRankAdaptersNeed) {  // of queries and values
  expect_same_without(0, {3, 2, 1, 0}, [](EncoderGrads& g, HeadGrads&) {
    g.embeddings = {};
    for (LayerGrads& layer : g.layers) {
      const LinearGrads query = layer.attention.query, key_value = layer.attention.key_value;
      layer = {};
      layer.attention.query.w = query.w;
      layer.attention.key_value.first = key_value.w.cols;
      layer.attention.key_value.w = key_value.w.slice(key_value.w.cols, key_value.w.cols);
    }
  });
}

TEST_P(ObjectiveOn, BiasesAlone) {
  expect_same_without(-1, {3, 2, 1, 0, -1}, [](EncoderGrads& g, HeadGrads& h) {
    g.embeddings.word = g.embeddings.position = g.embeddings.norm.gamma = {};
    for (LayerGrads& layer : g.layers) {
      LinearGrads& kv = layer.attention.key_value;
      kv.w = kv.w.slice(0, 1);  // a part of the weights beside the whole bias
      for (LinearGrads* linear : {&layer.attention.query, &layer.attention.output, &layer.feed_forward.up,
                                  &layer.feed_forward.down})
        linear->w = {};
      layer.attention.norm.gamma = layer.feed_forward.norm.gamma = {};
    }
    h.mlm.dense.w = h.mlm.decoder.w = h.classifier.dense.w = h.classifier.out.w = {};
  });
}

TEST_P(ObjectiveOn, IsNearTheSameInDouble) {
  RobertaConfig config = tiny_config();
  config.vocab_size = 37;
  config.hidden_size = 40;
  config.intermediate_size = 70;
  const Case& c = GetParam();
  GradientModel got = model(config), want(config, sample_objective(c.kind, 0.1f), false);
  const ObjectiveTraining training = with_dropout(0.1f);
  const double loss = want.loss_and_grad(batch(), training);
  const double share = c.compute_dtype == DType::kBF16 ? 0.05 : c.compute_dtype == DType::kF32 ? 2e-5 : 0;
  EXPECT_NEAR(got.loss_and_grad(batch(), training), loss, share * loss);
  const std::vector<double> a = got.gradients(), b = want.gradients();
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
  EXPECT_LE(std::sqrt(difference), share * std::sqrt(size));
  const double forward = want.forward_loss(batch());
  EXPECT_NEAR(got.forward_loss(batch()), forward, share * forward);
}

TEST(Objective, HeadsOfTheKinds) {
  EXPECT_EQ(head_of(ObjectiveKind::kMaskedLm), HeadKind::kMaskedLm);
  EXPECT_EQ(head_of(ObjectiveKind::kClassification), HeadKind::kSequenceClassification);
  EXPECT_EQ(head_of(ObjectiveKind::kRegression), HeadKind::kSequenceClassification);
  EXPECT_EQ(head_of(ObjectiveKind::kMultiLabel), HeadKind::kSequenceClassification);
  EXPECT_EQ(head_of(ObjectiveKind::kTokens), HeadKind::kTokenClassification);
  EXPECT_EQ(head_of(ObjectiveKind::kSpans), HeadKind::kQuestionAnswering);
}

TEST(Objective, Units) {
  EXPECT_EQ(sample_batch(ObjectiveKind::kMaskedLm).units(), 3);
  EXPECT_EQ(sample_batch(ObjectiveKind::kClassification).units(), 3);
  EXPECT_EQ(sample_batch(ObjectiveKind::kRegression).units(), 3);
  EXPECT_EQ(sample_batch(ObjectiveKind::kMultiLabel).units(), 9);
  EXPECT_EQ(sample_batch(ObjectiveKind::kSpans).units(), 6);
}

/// classifier_dropout of the config goes before that of the layers, and question answering has neither.
TEST(Objective, DropoutOfTheHead) {
  for (ObjectiveKind kind : kAllObjectives) {
    RobertaConfig config = tiny_config();
    ObjectiveTraining none = with_dropout(0);
    const auto loss = [&](const ObjectiveTraining& training) {
      return GradientModel(config, sample_objective(kind)).loss_and_grad(sample_batch(kind), training);
    };
    const double without = loss(none), with = loss(with_dropout(0.3f));
    config.classifier_dropout = 0.4;
    const bool drops = kind != ObjectiveKind::kMaskedLm && kind != ObjectiveKind::kSpans;
    EXPECT_EQ(loss(none) != without, drops) << name_of(kind);
    EXPECT_EQ(loss(with_dropout(0.3f)) != with, drops) << name_of(kind);
  }
}

/// out(dropout(tanh(dense(dropout(x))))) by hand, the kept elements told by Dropout's own operation.
TEST(Classifier, IsItsFormula) {
  const std::unique_ptr<Device> device = open_test_device("ref");
  constexpr int64_t kRows = 3, kWidth = 4, kLabels = 2;
  std::mt19937 engine(5);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> blocks;
  blocks.reserve(16);
  const auto matrix = [&](int64_t rows, int64_t cols) {
    std::vector<double>& values = blocks.emplace_back();
    for (int64_t i = 0; i < rows * cols; ++i) values.push_back(normal(engine));
    return DeviceView{DevicePtr(values.data()), rows, cols, cols, DType::kF64};
  };
  const auto weight = [](const DeviceView& v) { return Weight{v.data, v.rows, v.cols, v.dtype}; };
  const auto linear = [](const DeviceView& x, const DeviceView& w, const DeviceView& bias,
                         const DeviceView& y, bool through_tanh) {
    for (int64_t r = 0; r < x.rows; ++r) {
      for (int64_t n = 0; n < w.rows; ++n) {
        double sum = host(bias).row<double>(0)[n];
        for (int64_t k = 0; k < w.cols; ++k) sum += host(x).row<double>(r)[k] * host(w).row<double>(n)[k];
        host(y).row<double>(r)[n] = through_tanh ? std::tanh(sum) : sum;
      }
    }
  };
  const DeviceView x = matrix(kRows, kWidth), dense = matrix(kWidth, kWidth), dense_bias = matrix(1, kWidth);
  const DeviceView out = matrix(kLabels, kWidth), out_bias = matrix(1, kLabels);
  const DeviceView in = matrix(kRows, kWidth), mid = matrix(kRows, kWidth), want = matrix(kRows, kLabels),
                   got = matrix(kRows, kLabels);
  std::vector<uint64_t> numbers{7, uint64_t{1} << 32, uint64_t{5} << 32 | 3};
  const DeviceSpan<const uint64_t> counters(DevicePtr(numbers.data()), 3);
  const TrainingPass training{.dropout_key = 123};
  for (const bool has_dense : {true, false}) {
    for (const float rate : {0.0f, 0.5f}) {
      device->ops().dropout({.x = x, .dropout = {rate, 123, kHeadInputSite, counters}, .y = in});
      if (has_dense) {
        linear(in, dense, dense_bias, mid, true);
        device->ops().dropout({.x = mid, .dropout = {rate, 123, kHeadInnerSite, counters}, .y = mid});
      }
      linear(has_dense ? mid : in, out, out_bias, want, false);
      ClassifierParams params;
      if (has_dense) params.dense = {weight(dense), dense_bias, {}};
      params.out = {weight(out), out_bias, {}};
      for (const bool trains : {true, false}) {
        if (!trains && rate > 0) continue;
        Buffer block = device->allocate(1 << 16);
        Arena arena(block);
        Pass pass{*device, arena, DType::kF64, DType::kF64, trains ? &training : nullptr};
        ClassifierSaved saved;
        classifier(pass, params, {x, {}}, rate, counters, got, trains ? &saved : nullptr);
        for (int64_t r = 0; r < kRows; ++r) {
          for (int64_t n = 0; n < kLabels; ++n)
            EXPECT_NEAR(host(got).row<double>(r)[n], host(want).row<double>(r)[n], 1e-14);
        }
      }
    }
  }
}

}  // namespace
}  // namespace roberta::testing
