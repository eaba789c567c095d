// The gradients of `ref` in double precision against finite differences of its forwards.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

constexpr double kStep = 1e-5;

struct Doubles {
  Doubles(Random& random, int64_t rows, int64_t cols) : rows(rows), cols(cols) {
    for (float x : random.matrix(rows, cols, false).f32) values.push_back(x);
  }
  DeviceView view() { return {DevicePtr(values.data()), rows, cols, cols, DType::kF64}; }
  std::vector<double> values;
  int64_t rows, cols;
};

class RefGradMatrix : public ::testing::Test {
 protected:
  std::unique_ptr<Device> ref_ = open_test_device("ref");
  Random random_{5};

  /// Weights of `ref` are row-major, so parameters are changed in place.
  static Weight weight(Doubles& d) { return {DevicePtr(d.values.data()), d.rows, d.cols, DType::kF64}; }

  /// Each element of x: the derivative of `loss` there, against `gradient`.
  void expect_derivatives(Doubles& x, const std::function<double()>& loss, const Doubles& gradient) {
    for (size_t i = 0; i < x.values.size(); ++i) {
      const double at = x.values[i];
      x.values[i] = at + kStep;
      const double above = loss();
      x.values[i] = at - kStep;
      const double below = loss();
      x.values[i] = at;
      const double derivative = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradient.values[i], derivative, 1e-8 * (1 + std::abs(derivative))) << "element " << i;
    }
  }
};

TEST_F(RefGradMatrix, Gemm) {
  const int64_t m = 4, n = 5, k = 3;
  Doubles x(random_, m, k), w(random_, n, k), bias(random_, 1, n), y(random_, m, n), pre(random_, m, n),
      c(random_, m, n);
  // loss = sum of c * gelu(x w^T + bias)
  const Weight packed = weight(w);
  const auto loss = [&] {
    ref_->ops().gemm({.x = x.view(),
                      .w = &packed,
                      .bias = bias.view(),
                      .act = Activation::kGelu,
                      .pre = pre.view(),
                      .y = y.view()});
    double sum = 0;
    for (size_t i = 0; i < y.values.size(); ++i) sum += c.values[i] * y.values[i];
    return sum;
  };
  loss();
  // Through an identity, the Gemm of a gradient is gelu' alone.
  Doubles identity(random_, n, n), dpre(random_, m, n), dx(random_, m, k), dw(random_, n, k),
      db(random_, 1, n), transposed(random_, k, n), saved = pre;
  for (int64_t i = 0; i < n * n; ++i) identity.values[static_cast<size_t>(i)] = i % (n + 1) == 0;
  const Weight unit = weight(identity), wt = weight(transposed);
  ref_->ops().pack({.source = w.view(), .w = &packed, .w_transposed = &wt});
  ref_->ops().gemm({.x = c.view(), .w = &unit, .gelu_pre = saved.view(), .y = dpre.view()});
  ref_->ops().gemm({.x = dpre.view(), .w = &wt, .y = dx.view()});
  ref_->ops().gemm_grad({.dy = dpre.view(), .x = x.view(), .dw = dw.view(), .db = db.view()});
  expect_derivatives(x, loss, dx);
  expect_derivatives(w, loss, dw);
  expect_derivatives(bias, loss, db);

  Doubles twice = dw;  // added once more, and an addition to a product
  ref_->ops().gemm_grad({.dy = dpre.view(), .x = x.view(), .accumulate = true, .dw = twice.view()});
  for (size_t i = 0; i < dw.values.size(); ++i) EXPECT_NEAR(twice.values[i], 2 * dw.values[i], 1e-12);
  Doubles sum = dx;
  ref_->ops().gemm({.x = dpre.view(), .w = &wt, .add = sum.view(), .y = sum.view()});
  for (size_t i = 0; i < dx.values.size(); ++i) EXPECT_NEAR(sum.values[i], 2 * dx.values[i], 1e-12);
}

TEST_F(RefGradMatrix, CrossEntropy) {
  const int64_t m = 3, v = 7, k = 4;
  Doubles x(random_, m, k), w(random_, v, k), transposed(random_, k, v), bias(random_, 1, v),
      losses(random_, m, 1), dx(random_, m, k), dw(random_, v, k), db(random_, 1, v);
  const std::vector<int32_t> targets{6, 0, 2};
  const Weight packed = weight(w), wt = weight(transposed);
  const auto loss = [&] {
    ref_->ops().linear_cross_entropy(
        {.x = x.view(), .w = &packed, .bias = bias.view(), .targets = span(targets), .loss = losses.view()});
    return 0.25 * (losses.values[0] + losses.values[1] + losses.values[2]);
  };
  loss();
  const std::vector<double> want = losses.values;
  ref_->ops().pack({.source = w.view(), .w = &packed, .w_transposed = &wt});
  ref_->ops().linear_cross_entropy_grad({.x = x.view(),
                                         .w = &packed,
                                         .w_transposed = &wt,
                                         .bias = bias.view(),
                                         .targets = span(targets),
                                         .scale = 0.25f,
                                         .loss = losses.view(),
                                         .dx = dx.view(),
                                         .dw = dw.view(),
                                         .db = db.view()});
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(losses.values[i], want[i], 1e-12);
  expect_derivatives(x, loss, dx);
  expect_derivatives(w, loss, dw);
  expect_derivatives(bias, loss, db);
}

}  // namespace
}  // namespace roberta::testing
