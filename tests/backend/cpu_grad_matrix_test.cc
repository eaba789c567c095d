// The matrix operations of training, of every kernel set that this CPU can run, against `ref`; and the
// promise that no bit depends on the number of threads, nor a row's bits on its neighbours.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

struct Case {
  std::string kernels;
  DType dtype;
};
std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  return info.param.kernels + "_" + name_of(info.param.dtype);
}
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& name : fast_devices()) {
    cases.push_back({name, DType::kF32});
    cases.push_back({name, DType::kBF16});
  }
  return cases;
}

constexpr DType kF32 = DType::kF32;

class CpuGradMatrix : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Device> cpu_ = open_test_device(GetParam().kernels, 2);
  std::unique_ptr<Device> ref_ = open_test_device("ref");
  DType dtype_ = GetParam().dtype;
  bool bf16_ = dtype_ == DType::kBF16;
  Random random_{3};
  /// Sums of n products of unit normals: error of the fp32 sums.
  float tolerance(int64_t n) const { return 2e-6f * std::sqrt(static_cast<float>(n)) * 4; }

  void expect_near(const DeviceView& got, const DeviceView& want, float tolerance, float relative = 2e-6f) {
    for (int64_t r = 0; r < want.rows; ++r) {
      for (int64_t c = 0; c < want.cols; ++c) {
        const float x = at(want, r, c), limit = tolerance + std::abs(x) * relative;
        ASSERT_NEAR(at(got, r, c), x, limit) << "row " << r << " column " << c;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, CpuGradMatrix, ::testing::ValuesIn(all_cases()), name_of_case);

TEST_P(CpuGradMatrix, GemmThroughGelu) {
  const int64_t shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {25, 70, 129}, {40, 100, 1100}, {5, 50, 2500}};
  for (const auto& [m, n, k] : shapes) {
    Operand x = random_.matrix(m, k, bf16_), w = random_.matrix(n, k, bf16_),
            add = random_.matrix(m, n, false), pre = random_.matrix(m, n, true, 2);
    PackedWeight cpu_w(*cpu_, w, dtype_), ref_w(*ref_, w, dtype_);
    SCOPED_TRACE(::testing::Message() << m << "x" << n << "x" << k);
    for (DType pre_dtype : {kF32, DType::kBF16}) {
      Operand want = random_.matrix(m, n, false), y = want, low = want, in_place = add;
      Gemm gemm{
          .x = x.view(dtype_), .w = &ref_w.weight, .gelu_pre = pre.view(pre_dtype), .add = add.view(kF32)};
      gemm.y = want.view(kF32);
      ref_->ops().gemm(gemm);
      gemm.w = &cpu_w.weight;
      gemm.y = y.view(kF32);
      cpu_->ops().gemm(gemm);
      expect_near(y.view(kF32), want.view(kF32), tolerance(k));
      gemm.add = gemm.y = in_place.view(kF32);
      cpu_->ops().gemm(gemm);
      EXPECT_EQ(in_place.f32, y.f32);
      gemm.add = add.view(kF32);
      gemm.y = low.view(DType::kBF16);
      cpu_->ops().gemm(gemm);
      expect_near(low.view(DType::kBF16), want.view(kF32), tolerance(k), 1.0f / 256);
    }
    Operand want = random_.matrix(m, n, false), y = want;  // an addition alone
    ref_->ops().gemm({.x = x.view(dtype_), .w = &ref_w.weight, .add = add.view(kF32), .y = want.view(kF32)});
    cpu_->ops().gemm({.x = x.view(dtype_), .w = &cpu_w.weight, .add = add.view(kF32), .y = y.view(kF32)});
    expect_near(y.view(kF32), want.view(kF32), tolerance(k));
  }
}

TEST_P(CpuGradMatrix, DerivativeOfGeluIsExactToAMillionth) {
  const int64_t n = 20001;
  Operand x = random_.matrix(1, 1, false), w = random_.matrix(n, 1, false), pre = random_.matrix(1, n, false),
          y = pre;
  x.f32[0] = 1, x.bf16[0] = float_to_bf16(1);
  for (size_t i = 0; i < w.f32.size(); ++i) {
    w.f32[i] = 1, w.bf16[i] = float_to_bf16(1);
    pre.f32[i] = static_cast<float>(i) * 1e-3f - 10;
  }
  PackedWeight packed(*cpu_, w, dtype_);
  cpu_->ops().gemm({.x = x.view(dtype_), .w = &packed.weight, .gelu_pre = pre.view(kF32), .y = y.view(kF32)});
  for (size_t i = 0; i < w.f32.size(); ++i) {
    const double a = pre.f32[i];
    const double want =
        0.5 * (1 + std::erf(a / std::sqrt(2.0))) + a * std::exp(-a * a / 2) / std::sqrt(2 * M_PI);
    ASSERT_NEAR(y.f32[i], want, 1e-6) << a;
  }
}

TEST_P(CpuGradMatrix, GemmGradEqualsRef) {
  const int64_t shapes[][3] = {{0, 3, 5},      {1, 1, 1},       {2, 5, 7},      {3, 13, 33},
                               {63, 12, 32},   {64, 24, 64},    {65, 25, 100},  {130, 100, 31},
                               {1100, 37, 65}, {2100, 100, 40}, {1100, 5, 4200}};  // parts; stages
  for (const auto& [t, n, k] : shapes) {
    Operand x = random_.matrix(t, k, bf16_), dy = random_.matrix(t, n, bf16_);
    for (bool accumulate : {false, true}) {
      Operand dw = random_.matrix(n, k, false), want = dw, db = random_.matrix(1, n, false), want_db = db;
      const GemmGrad grad{.dy = dy.view(dtype_), .x = x.view(dtype_), .accumulate = accumulate};
      GemmGrad of_ref = grad, of_cpu = grad;
      of_ref.dw = want.view(kF32), of_ref.db = want_db.view(kF32);
      of_cpu.dw = dw.view(kF32), of_cpu.db = db.view(kF32);
      ref_->ops().gemm_grad(of_ref);
      cpu_->ops().gemm_grad(of_cpu);
      SCOPED_TRACE(::testing::Message() << t << "x" << n << "x" << k << (accumulate ? " added" : ""));
      expect_near(dw.view(kF32), want.view(kF32), tolerance(t + 1));
      expect_near(db.view(kF32), want_db.view(kF32), tolerance(t + 1));
    }
  }
}

TEST_P(CpuGradMatrix, GemmGradOfColumnsOfWiderMatrices) {  // q, k and v lie side by side
  const int64_t t = 70, n = 40, k = 50;
  Operand x = random_.matrix(t, k + 9, bf16_), dy = random_.matrix(t, 3 * n, bf16_);
  Operand dw = random_.matrix(n, k + 7, false), want = dw;
  const auto run = [&](Device& d, Operand& out) {
    d.ops().gemm_grad({.dy = dy.view(dtype_).columns(n, n),
                       .x = x.view(dtype_).columns(9, k),
                       .dw = out.view(kF32).columns(3, k)});
  };
  run(*ref_, want);
  run(*cpu_, dw);
  expect_near(dw.view(kF32), want.view(kF32), tolerance(t));
}

TEST_P(CpuGradMatrix, GemmGradBitsDependOnNoThread) {
  const int64_t t = 1500, n = 300, k = 70;
  Operand x = random_.matrix(t, k, bf16_), dy = random_.matrix(t, n, bf16_);
  Operand dw = random_.matrix(n, k, false), db = random_.matrix(1, n, false);
  cpu_->ops().gemm_grad(
      {.dy = dy.view(dtype_), .x = x.view(dtype_), .dw = dw.view(kF32), .db = db.view(kF32)});
  for (int threads : {1, 3}) {
    std::unique_ptr<Device> other = open_test_device(GetParam().kernels, threads);
    Operand other_dw = random_.matrix(n, k, false), other_db = random_.matrix(1, n, false);
    other->ops().gemm_grad(
        {.dy = dy.view(dtype_), .x = x.view(dtype_), .dw = other_dw.view(kF32), .db = other_db.view(kF32)});
    EXPECT_EQ(0, std::memcmp(dw.f32.data(), other_dw.f32.data(), dw.f32.size() * sizeof(float)));
    EXPECT_EQ(0, std::memcmp(db.f32.data(), other_db.f32.data(), db.f32.size() * sizeof(float)));
  }
}

/// Operands and results of one linear_cross_entropy_grad.
struct CrossEntropyCase {
  CrossEntropyCase(Random& random, int64_t m, int64_t v, int64_t k, bool rounded)
      : x(random.matrix(m, k, rounded)),
        w(random.matrix(v, k, rounded)),
        w_transposed(w),
        bias(random.matrix(1, v, false)),
        loss(random.matrix(m, 1, false)),
        dx(random.matrix(m, k, false)),
        dw(random.matrix(v, k, false)),
        db(random.matrix(1, v, false)) {
    for (int64_t i = 0; i < m; ++i) targets.push_back(random.integer(0, static_cast<int32_t>(v) - 1));
    targets[0] = static_cast<int32_t>(v) - 1;
    std::swap(w_transposed.rows, w_transposed.cols);
    for (int64_t i = 0; i < v * k; ++i) {
      w_transposed.f32[static_cast<size_t>(i % k * v + i / k)] = w.f32[static_cast<size_t>(i)];
      w_transposed.bf16[static_cast<size_t>(i % k * v + i / k)] = w.bf16[static_cast<size_t>(i)];
    }
  }
  void run(Device& d, DType dtype, int64_t begin, int64_t count, bool accumulate) {
    PackedWeight packed(d, w, dtype), packed_transposed(d, w_transposed, dtype);
    d.ops().linear_cross_entropy_grad({.x = x.view(dtype).slice(begin, count),
                                       .w = &packed.weight,
                                       .w_transposed = &packed_transposed.weight,
                                       .bias = bias.view(kF32),
                                       .targets = span(targets).subspan(begin, count),
                                       .scale = 0.5f,
                                       .accumulate = accumulate,
                                       .loss = loss.view(kF32).slice(begin, count),
                                       .dx = dx.view(kF32).slice(begin, count),
                                       .dw = dw.view(kF32),
                                       .db = db.view(kF32)});
  }
  Operand x, w, w_transposed, bias, loss, dx, dw, db;
  std::vector<int32_t> targets;
};

TEST_P(CpuGradMatrix, CrossEntropyEqualsRef) {
  const int64_t shapes[][3] = {{1, 3, 5}, {30, 1000, 64}, {100, 2050, 33}, {1, 1, 1}};
  for (const auto& [m, v, k] : shapes) {
    for (bool accumulate : {false, true}) {
      CrossEntropyCase got(random_, m, v, k, bf16_);
      CrossEntropyCase want = got;
      want.run(*ref_, dtype_, 0, m, accumulate);
      got.run(*cpu_, dtype_, 0, m, accumulate);
      SCOPED_TRACE(::testing::Message() << m << "x" << v << "x" << k << (accumulate ? " added" : ""));
      expect_near(got.loss.view(kF32), want.loss.view(kF32), 4 * tolerance(k));
      // In bf16 the gradients by the logits are rounded twice: 1/256 each, in sums of random signs.
      expect_near(got.dx.view(kF32), want.dx.view(kF32), bf16_ ? 1e-2f : 4 * tolerance(k));
      expect_near(got.dw.view(kF32), want.dw.view(kF32), bf16_ ? 1e-2f : 4 * tolerance(m));
      expect_near(got.db.view(kF32), want.db.view(kF32), bf16_ ? 4e-3f : 4 * tolerance(m));
    }
  }
}

TEST_P(CpuGradMatrix, CrossEntropyOfLargeLogits) {  // later panels far above the first; one row of minus 1000
  CrossEntropyCase got(random_, 20, 900, 8, bf16_);
  for (size_t j = 0; j < 900; ++j)
    got.bias.f32[j] = j < 40 ? -200.0f : j < 600 ? 0.25f * static_cast<float>(j) : 90.0f;
  CrossEntropyCase want = got;
  want.run(*ref_, dtype_, 0, 20, false);
  got.run(*cpu_, dtype_, 0, 20, false);
  expect_near(got.loss.view(kF32), want.loss.view(kF32), 1e-4f);
  expect_near(got.dx.view(kF32), want.dx.view(kF32), bf16_ ? 1e-2f : 1e-4f);
  expect_near(got.dw.view(kF32), want.dw.view(kF32), bf16_ ? 1e-2f : 1e-4f);
}

TEST_P(CpuGradMatrix, CrossEntropyBitsDependOnTheRowAlone) {
  CrossEntropyCase all(random_, 61, 1500, 20, bf16_);
  CrossEntropyCase some = all;
  all.run(*cpu_, dtype_, 0, 61, false);
  for (int threads : {1, 3}) {
    some.run(*open_test_device(GetParam().kernels, threads), dtype_, 0, 61, false);
    EXPECT_EQ(some.loss.f32, all.loss.f32);
    EXPECT_EQ(some.dx.f32, all.dx.f32);
    EXPECT_EQ(some.dw.f32, all.dw.f32);
    EXPECT_EQ(some.db.f32, all.db.f32);
  }
  for (int64_t row = 0; row < 61; row += 7) some.run(*cpu_, dtype_, row, 1, false);
  EXPECT_EQ(some.loss.f32, all.loss.f32);
  EXPECT_EQ(some.dx.f32, all.dx.f32);
}

TEST_P(CpuGradMatrix, ManyRowsComeInChunks) {
  // 50,000 fp32 logits a row: 400 rows are two chunks, as if they were two calls.
  CrossEntropyCase one(random_, 400, 50000, 2, bf16_);
  CrossEntropyCase two = one;
  one.run(*cpu_, dtype_, 0, 400, false);
  two.run(*cpu_, dtype_, 0, 200, false);
  two.run(*cpu_, dtype_, 200, 200, true);
  EXPECT_EQ(one.loss.f32, two.loss.f32);
  EXPECT_EQ(one.dx.f32, two.dx.f32);
  if (!bf16_) {
    EXPECT_EQ(one.dw.f32, two.dw.f32);
  }
  expect_near(one.dw.view(kF32), two.dw.view(kF32), 1e-5f);
}

TEST_P(CpuGradMatrix, PackEqualsTheDevices) {
  const int64_t shapes[][2] = {{1, 1}, {3, 5}, {32, 32}, {70, 64}, {65, 129}, {200, 33}, {31, 100}};
  for (const auto& [n, k] : shapes) {
    Operand w = random_.matrix(n, k, false), transposed = w;
    std::swap(transposed.rows, transposed.cols);
    for (int64_t i = 0; i < n * k; ++i)
      transposed.f32[static_cast<size_t>(i % k * n + i / k)] = w.f32[static_cast<size_t>(i)];
    const auto packed_by_device = [&](Operand& source) {
      const size_t bytes = cpu_->weight_bytes(source.rows, source.cols, dtype_);
      Buffer buffer = cpu_->allocate(bytes);
      cpu_->pack({buffer.data(), source.rows, source.cols, dtype_}, 0, host(source.view(kF32)));
      return std::pair(std::move(buffer), bytes);
    };
    const auto [want, bytes] = packed_by_device(w);
    const auto [want_transposed, bytes_transposed] = packed_by_device(transposed);
    Buffer got = cpu_->allocate(bytes), got_transposed = cpu_->allocate(bytes_transposed);
    const Weight weight{got.data(), n, k, dtype_}, weight_transposed{got_transposed.data(), k, n, dtype_};
    cpu_->ops().pack({.source = w.view(kF32), .w = &weight, .w_transposed = &weight_transposed});
    SCOPED_TRACE(::testing::Message() << n << "x" << k);
    EXPECT_EQ(0, std::memcmp(got.data().address(), want.data().address(), bytes));
    EXPECT_EQ(
        0, std::memcmp(got_transposed.data().address(), want_transposed.data().address(), bytes_transposed));
  }
}

}  // namespace
}  // namespace roberta::testing
