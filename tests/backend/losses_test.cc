// Losses over few columns: `ref` in double against the formulas and finite differences, every kernel set
// against `ref`, and the promise that no bit depends on the number of threads nor on the instruction set.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

constexpr DType kF32 = DType::kF32, kF64 = DType::kF64;

/// One loss over random logits [30, columns]; some targets ask for no loss.
enum class Kind { kCrossEntropy, kSmoothed, kSegments, kSquared, kBinary };
constexpr Kind kKinds[] = {Kind::kCrossEntropy, Kind::kSmoothed, Kind::kSegments, Kind::kSquared,
                           Kind::kBinary};
constexpr int64_t kRows = 30;

struct Loss {
  Loss(Kind kind, int64_t columns, float spread = 2) : kind(kind), columns(columns) {
    Random random(11);
    x = random.matrix(kRows, columns, false, spread);
    for (int64_t i = 0; i < kRows * columns; ++i) {
      values.push_back(static_cast<float>(random.integer(0, 4)) / 4);
      targets.push_back(random.integer(-1, kind == Kind::kSegments ? 11 : static_cast<int32_t>(columns) - 1));
    }
    targets[0] = static_cast<int32_t>(columns) - 1;
    dx = random.matrix(kRows, columns, false);
    losses = random.matrix(loss_rows(), loss_columns(), false);
  }
  int64_t loss_rows() const {
    return kind == Kind::kSegments ? static_cast<int64_t>(starts.size()) - 1 : kRows;
  }
  int64_t loss_columns() const { return kind == Kind::kSegments ? columns : 1; }

  void run(Ops& ops, const DeviceView& logits, const DeviceView& loss, const DeviceView& gradient) const {
    switch (kind) {
      case Kind::kCrossEntropy:
      case Kind::kSmoothed:
        return ops.cross_entropy({.x = logits,
                                  .targets = span(targets),
                                  .smoothing = kind == Kind::kSmoothed ? 0.125f : 0,
                                  .scale = 0.75f,
                                  .loss = loss,
                                  .dx = gradient});
      case Kind::kSegments:
        return ops.segment_cross_entropy({.x = logits,
                                          .starts = span(starts),
                                          .targets = span(targets),
                                          .scale = 0.75f,
                                          .loss = loss,
                                          .dx = gradient});
      case Kind::kSquared:
      case Kind::kBinary:
        return ops.element_loss(
            {.x = logits,
             .targets = span(values),
             .kind = kind == Kind::kSquared ? ElementLossKind::kSquared : ElementLossKind::kBinary,
             .scale = 0.75f,
             .loss = loss,
             .dx = gradient});
    }
  }
  void run(Device& device) { run(device.ops(), x.view(kF32), losses.view(kF32), dx.view(kF32)); }

  Kind kind;
  int64_t columns;
  std::vector<int32_t> starts{0, 1, 12, 12, 30};  // one of a single row, one of none
  std::vector<int32_t> targets;
  std::vector<float> values;
  Operand x, dx, losses;
};

struct Doubles {
  Doubles(int64_t rows, int64_t cols) : values(static_cast<size_t>(rows * cols)), rows(rows), cols(cols) {}
  DeviceView view() { return {DevicePtr(values.data()), rows, cols, cols, kF64}; }
  std::vector<double> values;
  int64_t rows, cols;
};

TEST(RefLosses, GradientsAreFiniteDifferences) {
  const std::unique_ptr<Device> ref = open_test_device("ref");
  for (Kind kind : kKinds) {
    for (int64_t columns : {1, 2, 5}) {
      const Loss loss(kind, columns);
      Doubles x(kRows, columns), dx(kRows, columns), losses(loss.loss_rows(), loss.loss_columns());
      for (size_t i = 0; i < x.values.size(); ++i) x.values[i] = loss.x.f32[i];
      loss.run(ref->ops(), x.view(), losses.view(), dx.view());
      const auto total = [&] {
        loss.run(ref->ops(), x.view(), losses.view(), {});
        double sum = 0;
        for (const double l : losses.values) sum += l;
        return 0.75 * sum;
      };
      constexpr double kStep = 1e-5;
      for (size_t i = 0; i < x.values.size(); ++i) {
        const double kept = x.values[i];
        x.values[i] = kept + kStep;
        const double above = total();
        x.values[i] = kept - kStep;
        const double below = total();
        x.values[i] = kept;
        ASSERT_NEAR(dx.values[i], (above - below) / (2 * kStep), 1e-8)
            << static_cast<int>(kind) << " at " << i;
      }
    }
  }
}

TEST(RefLosses, AreTheFormulas) {
  const std::unique_ptr<Device> ref = open_test_device("ref");
  Doubles x(2, 3), losses(2, 1);
  x.values = {1, 2, 4, 0, -1, 3};
  const double lse = std::log(std::exp(1) + std::exp(2) + std::exp(4));
  const std::vector<int32_t> targets{1, -1};
  ref->ops().cross_entropy({.x = x.view(), .targets = span(targets), .loss = losses.view()});
  EXPECT_NEAR(losses.values[0], lse - 2, 1e-14);
  EXPECT_EQ(losses.values[1], 0);
  ref->ops().cross_entropy(
      {.x = x.view(), .targets = span(targets), .smoothing = 0.25f, .loss = losses.view()});
  EXPECT_NEAR(losses.values[0], 0.75 * (lse - 2) + 0.25 * (lse - (1.0 + 2 + 4) / 3), 1e-14);
  EXPECT_EQ(losses.values[1], 0);

  const std::vector<float> values{1, 0, 0.5f, 1, 0, 3};
  ref->ops().element_loss(
      {.x = x.view(), .targets = span(values), .kind = ElementLossKind::kSquared, .loss = losses.view()});
  EXPECT_NEAR(losses.values[0], 0 + 4 + 3.5 * 3.5, 1e-14);
  EXPECT_NEAR(losses.values[1], 1 + 1 + 0, 1e-14);
  const auto log_sigmoid = [](double a) { return -std::log(1 + std::exp(-a)); };
  ref->ops().element_loss(
      {.x = x.view(), .targets = span(values), .kind = ElementLossKind::kBinary, .loss = losses.view()});
  EXPECT_NEAR(losses.values[0],
              -log_sigmoid(1) - log_sigmoid(-2) - 0.5 * log_sigmoid(4) - 0.5 * log_sigmoid(-4), 1e-14);

  Doubles spans(1, 3);  // one sequence of two tokens: columns by themselves
  const std::vector<int32_t> starts{0, 2}, places{1, 0, 2};
  ref->ops().segment_cross_entropy(
      {.x = x.view(), .starts = span(starts), .targets = span(places), .loss = spans.view()});
  EXPECT_NEAR(spans.values[0], std::log(std::exp(1) + std::exp(0)) - 0, 1e-14);
  EXPECT_NEAR(spans.values[1], std::log(std::exp(2) + std::exp(-1)) - 2, 1e-14);
  EXPECT_EQ(spans.values[2], 0);  // beyond the end
}

class CpuLosses : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Device> open(int threads = 2) { return open_test_device(GetParam(), threads); }
  std::unique_ptr<Device> ref_ = open_test_device("ref");
};
INSTANTIATE_TEST_SUITE_P(All, CpuLosses, ::testing::ValuesIn(fast_devices()),
                         [](const auto& info) { return info.param; });

void expect_near(const DeviceView& got, const DeviceView& want, float relative) {
  for (int64_t r = 0; r < want.rows; ++r) {
    for (int64_t c = 0; c < want.cols; ++c)
      ASSERT_NEAR(at(got, r, c), at(want, r, c), 1e-7f + relative * std::abs(at(want, r, c)))
          << r << ", " << c;
  }
}

TEST_P(CpuLosses, EqualRef) {
  for (Kind kind : kKinds) {
    for (int64_t columns : {1, 2, 3, 9, 40}) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(kind) << " of " << columns);
      Loss want(kind, columns), got(kind, columns), low(kind, columns), alone(kind, columns);
      want.run(*ref_);
      got.run(*open());
      expect_near(got.losses.view(kF32), want.losses.view(kF32), 2e-7f);
      expect_near(got.dx.view(kF32), want.dx.view(kF32), 2e-7f);
      low.run(open()->ops(), low.x.view(kF32), low.losses.view(kF32), low.dx.view(DType::kBF16));
      expect_near(low.dx.view(DType::kBF16), want.dx.view(kF32), 1.0f / 256);
      alone.run(open()->ops(), alone.x.view(kF32), alone.losses.view(kF32), {});
      EXPECT_EQ(alone.losses.f32, got.losses.f32);
      alone.run(open()->ops(), alone.x.view(kF32), alone.losses.view(kF32), alone.x.view(kF32));  // in place
      EXPECT_EQ(alone.losses.f32, got.losses.f32);
      EXPECT_EQ(alone.x.f32, got.dx.f32);
    }
  }
}

TEST_P(CpuLosses, BitsAreThoseOfEveryCpuAndNumberOfThreads) {
  for (Kind kind : kKinds) {
    Loss want(kind, 700), got(kind, 700);  // wide: enough work for several pieces
    want.run(*open_test_device("portable", 1));
    for (int threads : {1, 2, 3}) {
      got.run(*open(threads));
      EXPECT_EQ(got.losses.f32, want.losses.f32);
      EXPECT_EQ(got.dx.f32, want.dx.f32);
    }
  }
}

TEST_P(CpuLosses, LargeLogitsDoNotOverflow) {
  for (Kind kind : {Kind::kCrossEntropy, Kind::kSegments, Kind::kBinary}) {
    Loss want(kind, 3, 3000), got(kind, 3, 3000);
    want.run(*ref_);
    got.run(*open());
    for (const float l : got.losses.f32) EXPECT_TRUE(std::isfinite(l));
    expect_near(got.losses.view(kF32), want.losses.view(kF32), 2e-7f);
    expect_near(got.dx.view(kF32), want.dx.view(kF32), 2e-7f);
  }
}

TEST_P(CpuLosses, NotANumberStaysOne) {
  for (Kind kind : kKinds) {
    Loss got(kind, 3);
    got.targets.assign(got.targets.size(), 0);
    got.x.f32.assign(got.x.f32.size(), NAN);
    got.run(*open());
    EXPECT_TRUE(std::isnan(got.losses.f32[0]));
    EXPECT_TRUE(std::isnan(got.dx.f32[0]));
  }
}

}  // namespace
}  // namespace roberta::testing
