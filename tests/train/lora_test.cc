// One step of LoRA against its definition in double, from the whole gradient of a model whose weights are
// W + scale B A.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/train/tuning_sample.h"

namespace roberta {
namespace {

struct Matrix64 {
  int64_t rows, cols;
  std::vector<double> data;
  double& at(int64_t i, int64_t j) { return data[static_cast<size_t>(i * cols + j)]; }
  double at(int64_t i, int64_t j) const { return data[static_cast<size_t>(i * cols + j)]; }
};

Matrix64 zeros(int64_t rows, int64_t cols) {
  return {rows, cols, std::vector<double>(static_cast<size_t>(rows * cols))};
}
Matrix64 product(const Matrix64& a, const Matrix64& b) {
  Matrix64 out = zeros(a.rows, b.cols);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t k = 0; k < a.cols; ++k) {
      for (int64_t j = 0; j < b.cols; ++j) out.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return out;
}
Matrix64 transpose(const Matrix64& a) {
  Matrix64 out = zeros(a.cols, a.rows);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.cols; ++j) out.at(j, i) = a.at(i, j);
  }
  return out;
}
Matrix64 read(const std::vector<float>& block, const ParameterEntry& entry, int64_t offset) {
  Matrix64 out{entry.rows, entry.cols, {}};
  for (int64_t i = 0; i < entry.count(); ++i) out.data.push_back(block[static_cast<size_t>(offset + i)]);
  return out;
}

class Lora : public testing::Test {
 protected:
  static constexpr double kScale = 12.0 / 4, kRate = 1e-2;
  const StepOptions options_{
      .hidden_dropout = 0,
      .attention_dropout = 0,
      .optimizer = {.kind = AdamKind::kTorch, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1}};
  Tuning lora_{"lora", ObjectiveKind::kClassification, 2, options_};
  Tuning full_{"full", ObjectiveKind::kClassification, 1, options_};
  const StepBatch batch_ = tuning_batch(ObjectiveKind::kClassification, 0, 8, 3);

  Matrix64 value(const Tuning& of, const std::string& name) const {
    const ParameterEntry& entry = *of.parameters.find(name);
    return read(copy(of.parameters, of.parameters.master_weights()), entry, entry.offset);
  }
  Matrix64 gradient(const Tuning& of, const std::string& name) const {
    const ParameterEntry& entry = *of.parameters.find(name);
    return read(copy(of.parameters, of.parameters.gradients()), entry, entry.trained_offset);
  }
  static std::vector<std::string> adapted() {
    std::vector<std::string> names;
    for (const char* layer : {"0", "1"}) {
      for (const char* map : {"query", "value"})
        names.push_back(std::string("encoder.layer.") + layer + ".attention.self." + map);
    }
    return names;
  }

  /// B as if it had been trained for a while, and the same model with whole weights.
  void SetUp() override {
    Parameters& p = lora_.parameters;
    const Random random(5);
    {
      HostBlock weights(p, p.master_weights());
      for (const ParameterEntry& entry : p.entries()) {
        if (!entry.adapter) continue;
        for (int64_t i = 0; i < entry.count(); ++i)
          weights[static_cast<size_t>(entry.offset + i)] =
              0.1f * static_cast<float>(Random::normal(random.bits(entry.number, static_cast<uint64_t>(i))));
      }
    }
    p.pack_trained();
    {
      const std::vector<float> from = copy(p, p.master_weights());
      HostBlock to(full_.parameters, full_.parameters.master_weights());
      for (const ParameterEntry& entry : full_.parameters.entries())
        std::copy_n(from.begin() + p.find(entry.spec.name)->offset, entry.count(), to.begin() + entry.offset);
      for (const std::string& name : adapted()) {
        const Matrix64 ba =
            product(value(lora_, name + ".lora_B.weight"), value(lora_, name + ".lora_A.weight"));
        const ParameterEntry& w = *full_.parameters.find(name + ".weight");
        for (int64_t i = 0; i < w.count(); ++i)
          to[static_cast<size_t>(w.offset + i)] +=
              static_cast<float>(kScale * ba.data[static_cast<size_t>(i)]);
      }
    }
    full_.parameters.pack();
  }
};

TEST_F(Lora, StepIsTheOneOfItsDefinition) {
  std::map<std::string, Matrix64> before;
  for (const ParameterEntry& entry : lora_.parameters.entries())
    if (entry.adapter) before.emplace(entry.spec.name, value(lora_, entry.spec.name));
  const StepResult a = lora_.run(batch_, 1, kRate), b = full_.run(batch_, 1, 0);
  EXPECT_NEAR(a.loss, b.loss, 1e-6);
  double squares = 0;
  const auto expect = [&](const std::string& name, const Matrix64& expected) {
    const Matrix64 g = gradient(lora_, name), now = value(lora_, name);
    const double v_root = std::sqrt(1 - 0.999);
    for (size_t i = 0; i < g.data.size(); ++i) {
      ASSERT_NEAR(g.data[i], expected.data[i], 2e-6 + 1e-5 * std::abs(expected.data[i])) << name << i;
      squares += expected.data[i] * expected.data[i];
      // AdamW's first step, from the gradient as it is.
      const double m = 0.1 * g.data[i], v = (1 - 0.999) * g.data[i] * g.data[i];
      const double p = before.at(name).data[i];
      const double next = p - kRate * 0.1 * p - kRate / 0.1 * m / (std::sqrt(v) / v_root + 1e-8);
      ASSERT_NEAR(now.data[i], next, 1e-6) << name << i;
    }
  };
  for (const std::string& name : adapted()) {
    const Matrix64 dw = gradient(full_, name + ".weight");
    Matrix64 da = product(transpose(before.at(name + ".lora_B.weight")), dw);
    Matrix64 db = product(dw, transpose(before.at(name + ".lora_A.weight")));
    for (Matrix64* x : {&da, &db})
      for (double& g : x->data) g *= kScale;
    expect(name + ".lora_A.weight", da);
    expect(name + ".lora_B.weight", db);
  }
  for (const char* name : {"classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight",
                           "classifier.out_proj.bias"}) {
    const Matrix64 own = gradient(lora_, name), whole = gradient(full_, name);
    for (size_t i = 0; i < own.data.size(); ++i) {
      ASSERT_NEAR(own.data[i], whole.data[i], 1e-6) << name;
      squares += own.data[i] * own.data[i];
    }
  }
  EXPECT_NEAR(a.gradient_norm, std::sqrt(squares), 1e-4 * a.gradient_norm);
}

TEST_F(Lora, MicroBatchesAddUp) {
  Tuning other("lora", ObjectiveKind::kClassification, 1, options_);
  carry_over(lora_.parameters, other.parameters);
  lora_.run(batch_, 1, 0);
  other.run(tuning_batch(ObjectiveKind::kClassification, 0, 8, 8), 1, 0);
  const std::vector<float> a = copy(lora_.parameters, lora_.parameters.gradients()),
                           b = copy(other.parameters, other.parameters.gradients());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5);
}

/// What inference borrows follows the adapters; in bf16 too.
TEST_F(Lora, WeightsArePackedAnewAtEachStep) {
  lora_.run(batch_, 1, kRate);
  const double after = lora_.step.validate(std::vector<StepBatch>{batch_});
  lora_.parameters.pack();  // everything, from the values
  EXPECT_EQ(lora_.step.validate(std::vector<StepBatch>{batch_}), after);
  EXPECT_EQ(lora_.parameters.borrowed().encoder.layers[0].attention.query.w.data,
            lora_.parameters.encoder.layers[0].attention.query.w.data);
}

TEST_F(Lora, DevicesAgree) {
  Tuning ref("lora", ObjectiveKind::kClassification, 1, options_, DType::kF32, "ref"),
      guard("lora", ObjectiveKind::kClassification, 1, options_, DType::kF32, "guard");
  carry_over(lora_.parameters, ref.parameters);
  carry_over(lora_.parameters, guard.parameters);
  for (int64_t step = 1; step <= 3; ++step) {
    const double loss = ref.run(batch_, step, kRate).loss;
    EXPECT_NEAR(lora_.run(batch_, step, kRate).loss, loss, 1e-5);
    EXPECT_EQ(guard.run(batch_, step, kRate).loss, loss);
  }
}

}  // namespace
}  // namespace roberta
