// The element-wise operations of training: every kernel set against `ref`, `ref` against the formulas, and
// the promise that bits depend neither on the threads nor, where only fp32 adds and products are at work, on
// the instruction set.

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

class CpuGradElements : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Device> open(int threads = 2) { return open_test_device(GetParam(), threads); }
  std::unique_ptr<Device> ref_ = open_test_device("ref");
  Random random_{1};
};
INSTANTIATE_TEST_SUITE_P(All, CpuGradElements, ::testing::ValuesIn(fast_devices()),
                         [](const auto& info) { return info.param; });

TEST_P(CpuGradElements, ActivationGradEqualsRef) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {5, 33}, {40, 1000}}) {
    for (Activation act : {Activation::kNone, Activation::kGelu, Activation::kTanh}) {
      for (DType pre_type : {DType::kF32, DType::kBF16}) {
        Operand dy = random_.matrix(rows, cols, false),
                pre = random_.matrix(rows, cols, pre_type == DType::kBF16, 3);
        for (DType type : {DType::kF32, DType::kBF16}) {
          Operand dx = random_.matrix(rows, cols, false), want = dx;
          const auto run = [&](Device& d, DeviceView out) {
            d.ops().activation_grad(
                {.dy = dy.view(DType::kF32), .pre = pre.view(pre_type), .act = act, .dx = out});
          };
          run(*open(), dx.view(type));
          run(*ref_, want.view(DType::kF32));
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < cols; ++c) {
              const float x = at(want.view(DType::kF32), r, c);
              const float limit = 6e-7f * std::abs(at(dy.view(DType::kF32), r, c)) +
                                  (type == DType::kBF16 ? std::abs(x) / 256 : 0);
              ASSERT_NEAR(at(dx.view(type), r, c), x, limit)
                  << "act " << static_cast<int>(act) << " at " << at(pre.view(pre_type), r, c);
            }
          }
        }
      }
    }
  }
}

TEST_P(CpuGradElements, DerivativesAtTheEnds) {
  std::vector<float> pre{INFINITY, -INFINITY, 20, -20, 0, NAN}, dy(pre.size(), 2), dx(pre.size());
  const int64_t n = static_cast<int64_t>(pre.size());
  const auto view = [&](std::vector<float>& v) {
    return DeviceView{DevicePtr(v.data()), 1, n, n, DType::kF32};
  };
  const auto run = [&](Activation act) {
    open()->ops().activation_grad({.dy = view(dy), .pre = view(pre), .act = act, .dx = view(dx)});
  };
  run(Activation::kGelu);
  for (size_t i : {0u, 2u}) EXPECT_NEAR(dx[i], 2, 2e-6);
  for (size_t i : {1u, 3u}) EXPECT_NEAR(dx[i], 0, 2e-6);
  EXPECT_EQ(dx[4], 1);
  EXPECT_TRUE(std::isnan(dx[5]));
  run(Activation::kTanh);
  for (size_t i : {0u, 1u, 2u, 3u}) EXPECT_NEAR(dx[i], 0, 2e-6);
  EXPECT_EQ(dx[4], 2);
  EXPECT_TRUE(std::isnan(dx[5]));
}

/// Additions in the same order: equal bits, whatever the threads.
TEST_P(CpuGradElements, EmbedGradEqualsRef) {
  for (const auto& [tokens, cols] : {std::pair<int64_t, int64_t>{1, 1}, {50, 20}, {300, 256}, {90, 770}}) {
    for (int32_t pad : {-1, 1}) {
      Operand dy = random_.matrix(tokens, cols, false), word = random_.matrix(11, cols, false),
              position = random_.matrix(30, cols, false), type = random_.matrix(2, cols, false);
      std::vector<int32_t> ids, positions;
      for (int64_t t = 0; t < tokens; ++t)
        ids.push_back(random_.integer(0, 10)), positions.push_back(random_.integer(0, 29));
      const auto run = [&](Device& device) {
        std::array<Operand, 3> out{word, position, type};
        device.ops().embed_grad({.ids = span(ids),
                                 .positions = span(positions),
                                 .dy = dy.view(DType::kF32),
                                 .dword = out[0].view(DType::kF32),
                                 .dposition = out[1].view(DType::kF32),
                                 .dtype = out[2].view(DType::kF32),
                                 .pad_id = pad});
        return out;
      };
      const auto want = run(*ref_);
      for (int threads : {1, 2, 5}) {
        const auto got = run(*open(threads));
        for (size_t i = 0; i < 3; ++i) ASSERT_EQ(got[i].f32, want[i].f32) << "table " << i;
      }
      if (pad == 1) {
        for (int64_t c = 0; c < cols; ++c) {
          EXPECT_EQ(want[0].f32[static_cast<size_t>(cols + c)], word.f32[static_cast<size_t>(cols + c)]);
        }
      }
    }
  }
}

TEST_P(CpuGradElements, ScatterRowsEqualsRef) {
  for (const int64_t cols : {1, 33, 4096}) {
    Operand x = random_.matrix(4, cols, false), y = random_.matrix(9, cols, false), want = y;
    const std::vector<int32_t> rows{8, 0, 5, 3};
    const auto run = [&](Device& d, Operand& out) {
      d.ops().scatter_rows({.x = x.view(DType::kF32), .rows = span(rows), .y = out.view(DType::kF32)});
    };
    run(*open(), y);
    run(*ref_, want);
    EXPECT_EQ(y.f32, want.f32);
  }
}

/// State of the optimizer over n parameters.
struct State {
  explicit State(int64_t n) : p(static_cast<size_t>(n)), m(p), v(p), g(p) {
    std::mt19937 engine(3);
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < p.size(); ++i) p[i] = normal(engine), g[i] = normal(engine);
  }
  /// With these four.
  Adam adam(const AdamScalars& four) {
    scalars = four;
    const auto all = [](std::vector<float>& x) {
      return DeviceSpan<float>(DevicePtr(x.data()), static_cast<int64_t>(x.size()));
    };
    return {.p = all(p),
            .m = all(m),
            .v = all(v),
            .g = all(g),
            .beta1 = 0.9,
            .beta2 = 0.98,
            .eps = 1e-6f,
            .scalars = {DevicePtr(&scalars), 1}};
  }
  std::vector<float> p, m, v, g;
  AdamScalars scalars;
};

constexpr double kLr = 6e-4, kWeightDecay = 0.01;
Adam fairseq_step(State& s, int t) {
  return s.adam(
      {.step_size = static_cast<float>(kLr * std::sqrt(1 - std::pow(0.98, t)) / (1 - std::pow(0.9, t))),
       .v_scale = 1,
       .decay = static_cast<float>(kLr * kWeightDecay),
       .grad_scale = 0.25f});
}
Adam torch_step(State& s, int t) {
  return s.adam({.step_size = static_cast<float>(kLr / (1 - std::pow(0.9, t))),
                 .v_scale = static_cast<float>(1 / (1 - std::pow(0.98, t))),
                 .decay = static_cast<float>(kLr * kWeightDecay),
                 .grad_scale = 0.25f});
}
double sum_squares(Device& device, const std::vector<float>& x) {
  double sum = -1;
  device.ops().sum_squares({.x = span(x), .out = {DevicePtr(&sum), 1}});
  return sum;
}

/// Both formulas of ops.h in double, the gradient changing sign and size from step to step.
void expect_formula(Device& device, bool fairseq) {
  State s(1000);
  std::vector<double> p(s.p.begin(), s.p.end()), m(p.size()), v(p.size());
  for (int t = 1; t <= 20; ++t) {
    for (size_t i = 0; i < p.size(); ++i) s.g[i] *= t % 3 ? -1.25f : 0.5f;
    device.ops().adam(fairseq ? fairseq_step(s, t) : torch_step(s, t));
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = s.g[i] * 0.25;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.98 * v[i] + 0.02 * g * g;
      const double c1 = 1 - std::pow(0.9, t), c2 = 1 - std::pow(0.98, t);
      p[i] -= kLr * kWeightDecay * p[i];
      p[i] -= fairseq ? kLr * std::sqrt(c2) / c1 * m[i] / (std::sqrt(v[i]) + 1e-6)
                      : kLr / c1 * m[i] / (std::sqrt(v[i] / c2) + 1e-6);
      ASSERT_NEAR(s.p[i], p[i], (1e-7 + 1.2e-7 * std::abs(p[i])) * t) << "step " << t;
      ASSERT_NEAR(s.m[i], m[i], 1e-6 * std::abs(m[i]) + 2e-7 * std::abs(g));
      ASSERT_NEAR(s.v[i], v[i], 2e-6 * v[i]);
    }
  }
}
TEST(RefGradElements, AdamIsTheFormulas) {
  for (bool fairseq : {true, false}) expect_formula(*open_test_device("ref"), fairseq);
}
TEST_P(CpuGradElements, AdamIsTheFormulas) {
  for (bool fairseq : {true, false}) expect_formula(*open(), fairseq);
}

TEST_P(CpuGradElements, AdamBitsAreThoseOfEveryCpu) {
  const int64_t n = 70001;  // three pieces, the last one ragged
  State want(n);
  std::unique_ptr<Device> portable = open_test_device("portable", 1);
  for (int t = 1; t <= 3; ++t) portable->ops().adam(torch_step(want, t));
  for (int threads : {1, 3}) {
    State got(n);
    for (int t = 1; t <= 3; ++t) open(threads)->ops().adam(torch_step(got, t));
    EXPECT_EQ(got.p, want.p);
    EXPECT_EQ(got.m, want.m);
    EXPECT_EQ(got.v, want.v);
  }
}

TEST_P(CpuGradElements, SumOfSquares) {
  std::unique_ptr<Device> portable = open_test_device("portable", 1);
  for (const int64_t n : {0, 1, 15, 33, 32768, 100003}) {
    const std::vector<float> x = random_.matrix(1, n, false).f32;
    const double want = sum_squares(*ref_, x);
    EXPECT_NEAR(sum_squares(*open(), x), want, 1e-13 * want);
    for (int threads : {1, 2, 3}) {
      EXPECT_EQ(sum_squares(*open(threads), x), sum_squares(*portable, x));
    }
  }
  const std::vector<float> large(1000, 1e30f);  // beyond fp32
  EXPECT_NEAR(sum_squares(*open(), large), 1e63, 1e57);
  const std::vector<float> bad{1, NAN, 2};
  EXPECT_TRUE(std::isnan(sum_squares(*open(), bad)));
}

/// Finite differences: the derivatives of `ref` in double.
TEST(RefGradElements, MatchesFiniteDifferences) {
  std::unique_ptr<Device> ref = open_test_device("ref");
  const auto view = [](double& x) { return DeviceView{DevicePtr(&x), 1, 1, 1, DType::kF64}; };
  for (double x : {-3.0, -0.7, 0.0, 0.4, 2.5}) {
    const double h = 1e-5, above = x + h, below = x - h;
    const auto gelu = [](double a) { return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0))); };
    double one = 1, dx = 0;
    ref->ops().activation_grad({.dy = view(one), .pre = view(x), .act = Activation::kGelu, .dx = view(dx)});
    EXPECT_NEAR(dx, (gelu(above) - gelu(below)) / (2 * h), 1e-9);
    ref->ops().activation_grad({.dy = view(one), .pre = view(x), .act = Activation::kTanh, .dx = view(dx)});
    EXPECT_NEAR(dx, (std::tanh(above) - std::tanh(below)) / (2 * h), 1e-9);
  }
}

}  // namespace
}  // namespace roberta::testing
