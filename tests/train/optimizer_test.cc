// Adam over the blocks against fairseq's and PyTorch's formulas in double.

#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "tests/train/tuning_sample.h"

namespace roberta {
namespace {

/// fairseq/optim/adam.py and torch/optim/adamw.py for one parameter.
struct Single {
  double p, m = 0, v = 0;
  void step(AdamKind kind, double g, int64_t t, double lr, double decay) {
    constexpr double kBeta1 = 0.9, kBeta2 = 0.98, kEps = 1e-6;
    m = kBeta1 * m + (1 - kBeta1) * g;
    v = kBeta2 * v + (1 - kBeta2) * g * g;
    const double n = static_cast<double>(t), c1 = 1 - std::pow(kBeta1, n), c2 = 1 - std::pow(kBeta2, n);
    p -= lr * decay * p;
    if (kind == AdamKind::kFairseq)
      p -= lr * std::sqrt(c2) / c1 * m / (std::sqrt(v) + kEps);
    else
      p -= lr / c1 * m / (std::sqrt(v) / std::sqrt(c2) + kEps);
  }
};

double gradient(size_t i, int64_t t) {
  return std::sin(0.1 * static_cast<double>(i) + static_cast<double>(t));
}

void follow(const std::string& device, AdamKind kind, bool decay_all) {
  SmallTraining training({}, device);
  Parameters& parameters = training.parameters;
  const OptimizerOptions options{.kind = kind, .weight_decay = 0.3, .decay_all = decay_all};
  Optimizer optimizer(parameters, options);
  std::vector<Single> expected;
  for (float value : copy(parameters, parameters.master_weights())) expected.push_back({value});
  for (int64_t t = 1; t <= 20; ++t) {
    const double lr = 1e-3 * static_cast<double>(t);
    std::optional<HostBlock> gradients(std::in_place, parameters, parameters.gradients());
    for (const ParameterEntry& entry : parameters.entries()) {
      for (int64_t i = entry.offset; i < entry.offset + entry.count(); ++i) {
        const size_t at = static_cast<size_t>(i);
        (*gradients)[at] = static_cast<float>(gradient(at, t));
        expected[at].step(kind, static_cast<float>(gradient(at, t)), t, lr,
                          decay_all || entry.decays ? 0.3 : 0);
      }
    }
    gradients.reset();
    optimizer.step(t, lr, optimizer.gradient_norm());
  }
  const std::vector<float> weights = copy(parameters, parameters.master_weights()),
                           moments = copy(parameters, parameters.second_moments());
  for (const ParameterEntry& entry : parameters.entries()) {
    for (int64_t i = entry.offset; i < entry.offset + entry.count(); ++i) {
      const size_t at = static_cast<size_t>(i);
      ASSERT_NEAR(weights[at], expected[at].p, 2e-6) << entry.spec.name;
      ASSERT_NEAR(moments[at], expected[at].v, 1e-6) << entry.spec.name;
    }
  }
}

TEST(Optimizer, FollowsFairseq) {
  for (const std::string& device : model_devices()) follow(device, AdamKind::kFairseq, true);
}
TEST(Optimizer, FollowsPyTorch) {
  for (const std::string& device : model_devices()) follow(device, AdamKind::kTorch, true);
}
TEST(Optimizer, LeavesBiasesAndLayerNormUndecayed) { follow("cpu", AdamKind::kTorch, false); }

/// Layer i at layer_decay^(L - i) of the rate, the embeddings at ^(L + 1), the head at the whole of it;
/// weight decay goes by the same rate.
TEST(Optimizer, LowerLayersLearnSlower) {
  for (const std::string mode : {"full", "lora"}) {
    Tuning tuning(mode);
    Parameters& parameters = tuning.parameters;
    const OptimizerOptions options{
        .kind = AdamKind::kTorch, .weight_decay = 0.3, .decay_all = false, .layer_decay = 0.5};
    Optimizer optimizer(parameters, options);
    std::vector<Single> expected;
    for (float value : copy(parameters, parameters.master_weights())) expected.push_back({value});
    const double factors[] = {0.125, 0.25, 0.5, 1};  // embeddings, two layers, head
    for (int64_t t = 1; t <= 5; ++t) {
      std::optional<HostBlock> gradients(std::in_place, parameters, parameters.gradients());
      for (const ParameterEntry& entry : parameters.entries()) {
        for (int64_t i = 0; entry.trained && i < entry.count(); ++i) {
          const size_t at = static_cast<size_t>(entry.trained_offset + i);
          (*gradients)[at] = static_cast<float>(gradient(at, t));
          expected[static_cast<size_t>(entry.offset + i)].step(
              AdamKind::kTorch, static_cast<float>(gradient(at, t)), t, 1e-3 * factors[entry.block + 1],
              entry.decays ? 0.3 : 0);
        }
      }
      gradients.reset();
      optimizer.step(t, 1e-3, optimizer.gradient_norm());
    }
    const std::vector<float> weights = copy(parameters, parameters.master_weights());
    for (const ParameterEntry& entry : parameters.entries()) {
      for (int64_t i = entry.offset; i < entry.offset + entry.count(); ++i)
        ASSERT_NEAR(weights[static_cast<size_t>(i)], expected[static_cast<size_t>(i)].p, 1e-6)
            << mode << " " << entry.spec.name;
    }
  }
}

TEST(Optimizer, ClipsAsPyTorch) {
  SmallTraining clipped, scaled;
  const double norm = 8;
  {
    HostBlock a(clipped.parameters, clipped.parameters.gradients()),
        b(scaled.parameters, scaled.parameters.gradients());
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<float>(gradient(i, 1));
      b[i] = static_cast<float>(gradient(i, 1) * 2 / (norm + 1e-6));
    }
  }
  Optimizer(clipped.parameters, {.clip_norm = 2}).step(1, 1e-2, norm);
  Optimizer(scaled.parameters, {}).step(1, 1e-2, norm);
  const std::vector<float> a = copy(clipped.parameters, clipped.parameters.first_moments()),
                           b = copy(scaled.parameters, scaled.parameters.first_moments());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-7);
}

TEST(Optimizer, TheNormIsThatOfAllGradients) {
  for (const std::string& device : model_devices()) {
    SmallTraining training({}, device);
    double sum = 0;
    {
      HostBlock gradients(training.parameters, training.parameters.gradients());
      for (size_t i = 0; i < gradients.size(); ++i) {
        gradients[i] = static_cast<float>(gradient(i, 3));
        sum += std::pow(static_cast<double>(gradients[i]), 2);
      }
    }
    const double norm = Optimizer(training.parameters, {}).gradient_norm();
    EXPECT_NEAR(norm, std::sqrt(sum), 1e-9 * std::sqrt(sum)) << device;
  }
}

}  // namespace
}  // namespace roberta
