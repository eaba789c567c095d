// Every operation of every kernel set that this CPU can run against `ref`, on shapes with ragged ends; and
// the promise that a row's bits depend on nothing but the row.

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

class CpuOps : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Device> cpu_ = open_test_device(GetParam().kernels, 2);
  std::unique_ptr<Device> ref_ = open_test_device("ref");
  DType dtype_ = GetParam().dtype;
  bool bf16_ = dtype_ == DType::kBF16;
  Random random_{1};
  /// Sums of K products of unit normals: error of the fp32 sums.
  float tolerance(int64_t k) const { return 2e-6f * std::sqrt(static_cast<float>(k)) * 4; }

  void expect_near(const DeviceView& got, const DeviceView& want, float tolerance) {
    for (int64_t r = 0; r < want.rows; ++r) {
      for (int64_t c = 0; c < want.cols; ++c) {
        const float x = at(want, r, c),
                    limit = tolerance + (got.dtype == DType::kBF16 ? std::abs(x) / 128 : std::abs(x) * 2e-6f);
        ASSERT_NEAR(at(got, r, c), x, limit) << "row " << r << " column " << c;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, CpuOps, ::testing::ValuesIn(all_cases()), name_of_case);

TEST_P(CpuOps, GemmEqualsRef) {
  const int64_t shapes[][3] = {
      {1, 1, 1},     {3, 5, 7},       {13, 33, 31}, {7, 32, 64},
      {25, 70, 129}, {40, 100, 1100}, {5, 50, 2500}};  // the last two split K in bf16 or fp32
  for (const auto& [m, n, k] : shapes) {
    for (Activation act : {Activation::kNone, Activation::kGelu, Activation::kTanh}) {
      Operand x = random_.matrix(m, k, bf16_), w = random_.matrix(n, k, bf16_),
              bias = random_.matrix(1, n, false);
      PackedWeight cpu_w(*cpu_, w, dtype_), ref_w(*ref_, w, dtype_);
      Operand y = random_.matrix(m, n, false), pre = y, want = y, want_pre = y, y_bf16 = y;
      const auto gemm = [&](Device& d, PackedWeight& pw, Operand& out, Operand& out_pre, DType out_dtype) {
        d.ops().gemm({.x = x.view(dtype_),
                      .w = &pw.weight,
                      .bias = bias.view(DType::kF32),
                      .act = act,
                      .pre = out_pre.view(DType::kF32),
                      .y = out.view(out_dtype)});
      };
      gemm(*ref_, ref_w, want, want_pre, DType::kF32);
      gemm(*cpu_, cpu_w, y, pre, DType::kF32);
      SCOPED_TRACE(::testing::Message() << m << "x" << n << "x" << k << " act " << static_cast<int>(act));
      expect_near(pre.view(DType::kF32), want_pre.view(DType::kF32), tolerance(k));
      expect_near(y.view(DType::kF32), want.view(DType::kF32), tolerance(k));
      gemm(*cpu_, cpu_w, y_bf16, pre, DType::kBF16);
      expect_near(y_bf16.view(DType::kBF16), want.view(DType::kF32), tolerance(k));
    }
  }
}

TEST_P(CpuOps, GemmBitsDependOnTheRowAlone) {
  const int64_t n = 100, k = 2100;
  Operand w = random_.matrix(n, k, bf16_), x = random_.matrix(700, k, bf16_);
  PackedWeight packed(*cpu_, w, dtype_);
  Operand all = random_.matrix(700, n, false);
  cpu_->ops().gemm({.x = x.view(dtype_), .w = &packed.weight, .y = all.view(DType::kF32)});
  for (int threads : {1, 2, 3}) {
    std::unique_ptr<Device> other = open_test_device(GetParam().kernels, threads);
    for (int64_t rows : {1, 2, 5, 12, 13, 100, 699}) {
      for (int64_t begin : {int64_t{0}, 700 - rows}) {
        Operand some = random_.matrix(rows, n, false);
        other->ops().gemm(
            {.x = x.view(dtype_).slice(begin, rows), .w = &packed.weight, .y = some.view(DType::kF32)});
        ASSERT_EQ(0,
                  std::memcmp(some.f32.data(), all.f32.data() + begin * n, some.f32.size() * sizeof(float)))
            << rows << " rows from " << begin << ", " << threads << " threads";
      }
    }
  }
}

TEST_P(CpuOps, EmbedEqualsRef) {
  for (int64_t c : {1, 20, 64, 100}) {
    const int64_t v = 77, t = 23;
    Operand word = random_.matrix(v, c, bf16_), position = random_.matrix(30, c, false),
            type = random_.matrix(2, c, false);
    PackedWeight cpu_w(*cpu_, word, dtype_), ref_w(*ref_, word, dtype_);
    std::vector<int32_t> ids, positions;
    for (int64_t i = 0; i < t; ++i)
      ids.push_back(random_.integer(0, v - 1)), positions.push_back(random_.integer(0, 29));
    Operand y = random_.matrix(t, c, false), want = y;
    for (auto [device, w, out] : {std::tuple{cpu_.get(), &cpu_w, &y}, {ref_.get(), &ref_w, &want}}) {
      device->ops().embed({.ids = span(ids),
                           .positions = span(positions),
                           .word = &w->weight,
                           .position = position.view(DType::kF32),
                           .type = type.view(DType::kF32),
                           .y = out->view(DType::kF32)});
    }
    expect_near(y.view(DType::kF32), want.view(DType::kF32), 1e-6f);
  }
}

TEST_P(CpuOps, LayerNormEqualsRef) {
  for (int64_t c : {1, 3, 16, 33, 60, 768}) {
    Operand x = random_.matrix(9, c, false, 3), residual = random_.matrix(9, c, false),
            gamma = random_.matrix(1, c, false), beta = random_.matrix(1, c, false);
    Operand y = x, low = x, stats = random_.matrix(9, 2, false), want = x, want_stats = stats;
    for (bool with_residual : {false, true}) {
      const auto run = [&](Device& d, Operand& out, Operand* out_low, Operand& out_stats) {
        d.ops().layer_norm({.x = x.view(DType::kF32),
                            .residual = with_residual ? residual.view(DType::kF32) : DeviceView{},
                            .gamma = gamma.view(DType::kF32),
                            .beta = beta.view(DType::kF32),
                            .eps = 1e-5f,
                            .y = out.view(DType::kF32),
                            .y_bf16 = out_low ? out_low->view(DType::kBF16) : DeviceView{},
                            .stats = out_stats.view(DType::kF32)});
      };
      run(*ref_, want, nullptr, want_stats);
      run(*cpu_, y, &low, stats);
      SCOPED_TRACE(c);
      expect_near(y.view(DType::kF32), want.view(DType::kF32), 2e-5f);
      expect_near(low.view(DType::kBF16), want.view(DType::kF32), 2e-5f);
      expect_near(stats.view(DType::kF32), want_stats.view(DType::kF32), c == 1 ? 1e-2f : 2e-5f);
    }
  }
}

TEST_P(CpuOps, AttentionEqualsRef) {
  const std::pair<int64_t, int64_t> heads_and_widths[] = {{1, 1}, {3, 20}, {2, 32}, {2, 64}, {1, 33}};
  for (const auto& [heads, d] : heads_and_widths) {
    const int64_t c = heads * d;
    const std::vector<int32_t> starts{0, 1, 34, 66, 131, 700},
        q_starts{0, 1, 3, 3, 68, 100};  // one sequence asks nothing
    Operand q = random_.matrix(q_starts.back(), c, bf16_), kv = random_.matrix(starts.back(), 2 * c, bf16_);
    Operand y = random_.matrix(q.rows, c, bf16_), want = y, lse = random_.matrix(q.rows, heads, false),
            want_lse = lse;
    const auto run = [&](Device& d_, Operand& out, Operand& out_lse) {
      const DeviceView k = kv.view(dtype_);
      d_.ops().attention({.q = q.view(dtype_),
                          .k = k.columns(0, c),
                          .v = k.columns(c, c),
                          .q_starts = span(q_starts),
                          .starts = span(starts),
                          .max_length = max_length(starts),
                          .heads = heads,
                          .scale = 1 / std::sqrt(static_cast<float>(d)),
                          .y = out.view(dtype_),
                          .lse = out_lse.view(DType::kF32)});
    };
    run(*ref_, want, want_lse);
    run(*cpu_, y, lse);
    SCOPED_TRACE(::testing::Message() << heads << " heads of " << d);
    expect_near(y.view(dtype_), want.view(dtype_), bf16_ ? 1e-2f : 1e-5f);  // bf16 rounds the probabilities
    expect_near(lse.view(DType::kF32), want_lse.view(DType::kF32), 1e-5f);
  }
}

TEST_P(CpuOps, NanIsNeverSwallowed) {
  const int64_t c = 64, t = 40;
  Operand q = random_.matrix(t, c, bf16_), kv = random_.matrix(t, 2 * c, bf16_), y = q;
  const std::vector<int32_t> starts{0, static_cast<int32_t>(t)};
  for (int64_t i = 0; i < c; ++i) {  // row 7 of q
    q.f32[static_cast<size_t>(7 * c + i)] = NAN;
    q.bf16[static_cast<size_t>(7 * c + i)] = float_to_bf16(NAN);
  }
  const DeviceView k = kv.view(dtype_);
  cpu_->ops().attention({.q = q.view(dtype_),
                         .k = k.columns(0, c),
                         .v = k.columns(c, c),
                         .q_starts = span(starts),
                         .starts = span(starts),
                         .max_length = max_length(starts),
                         .heads = 2,
                         .scale = 0.1f,
                         .y = y.view(dtype_)});
  for (int64_t r = 0; r < t; ++r) {
    for (int64_t i = 0; i < c; ++i) ASSERT_EQ(std::isnan(at(y.view(dtype_), r, i)), r == 7);
  }
  Operand w = random_.matrix(50, c, bf16_), out = random_.matrix(t, 50, false);
  PackedWeight packed(*cpu_, w, dtype_);
  for (Activation act : {Activation::kNone, Activation::kGelu, Activation::kTanh}) {
    cpu_->ops().gemm({.x = q.view(dtype_), .w = &packed.weight, .act = act, .y = out.view(DType::kF32)});
    for (int64_t i = 0; i < 50; ++i) ASSERT_TRUE(std::isnan(at(out.view(DType::kF32), 7, i)));
  }
}

TEST_P(CpuOps, AttentionBitsDependOnTheSequenceAlone) {
  const int64_t c = 60, heads = 3;
  Operand q = random_.matrix(400, c, bf16_), kv = random_.matrix(400, 2 * c, bf16_), y = q, alone = q;
  const auto run = [&](Device& d, int32_t begin, std::vector<int32_t> starts, DeviceView out) {
    const DeviceView k = kv.view(dtype_).slice(begin, starts.back());
    d.ops().attention({.q = q.view(dtype_).slice(begin, starts.back()),
                       .k = k.columns(0, c),
                       .v = k.columns(c, c),
                       .q_starts = span(starts),
                       .starts = span(starts),
                       .max_length = max_length(starts),
                       .heads = heads,
                       .scale = 0.2f,
                       .y = out.slice(begin, starts.back())});
  };
  run(*cpu_, 0, {0, 17, 90, 380, 400}, y.view(dtype_));
  std::unique_ptr<Device> one = open_test_device(GetParam().kernels, 1);
  for (const auto& [begin, end] : {std::pair{0, 17}, {17, 90}, {90, 380}, {380, 400}}) {
    run(*one, begin, {0, end - begin}, alone.view(dtype_));
  }
  EXPECT_EQ(y.f32, alone.f32);
  EXPECT_EQ(y.bf16, alone.bf16);
}

TEST_P(CpuOps, CrossEntropyEqualsRef) {
  for (const auto& [m, v, k] :
       {std::tuple<int64_t, int64_t, int64_t>{1, 3, 5}, {30, 1000, 64}, {200, 4100, 33}}) {
    Operand x = random_.matrix(m, k, bf16_), w = random_.matrix(v, k, bf16_),
            bias = random_.matrix(1, v, false);
    PackedWeight cpu_w(*cpu_, w, dtype_), ref_w(*ref_, w, dtype_);
    std::vector<int32_t> targets;
    for (int64_t i = 0; i < m; ++i) targets.push_back(random_.integer(0, static_cast<int32_t>(v) - 1));
    targets[0] = static_cast<int32_t>(v) - 1;
    Operand loss = random_.matrix(m, 1, false), want = loss, single = loss;
    for (auto [device, weight, out] : {std::tuple{cpu_.get(), &cpu_w, &loss}, {ref_.get(), &ref_w, &want}}) {
      device->ops().linear_cross_entropy({.x = x.view(dtype_),
                                          .w = &weight->weight,
                                          .bias = bias.view(DType::kF32),
                                          .targets = span(targets),
                                          .loss = out->view(DType::kF32)});
    }
    expect_near(loss.view(DType::kF32), want.view(DType::kF32), 4 * tolerance(k));
    for (int64_t i = 0; i < m; i += 17) {  // row by row: the same bits
      cpu_->ops().linear_cross_entropy({.x = x.view(dtype_).slice(i, 1),
                                        .w = &cpu_w.weight,
                                        .bias = bias.view(DType::kF32),
                                        .targets = span(targets).subspan(i, 1),
                                        .loss = single.view(DType::kF32).slice(i, 1)});
      EXPECT_EQ(single.f32[static_cast<size_t>(i)], loss.f32[static_cast<size_t>(i)]);
    }
  }
}

TEST_P(CpuOps, CastAndGather) {
  Operand x = random_.matrix(5, 37, true), y = random_.matrix(5, 37, false);
  cpu_->ops().cast({.x = x.view(DType::kF32), .y = y.view(DType::kBF16)});
  EXPECT_EQ(y.bf16, x.bf16);
  cpu_->ops().cast({.x = x.view(DType::kBF16), .y = y.view(DType::kF32)});
  EXPECT_EQ(y.f32, x.f32);
  const std::vector<int32_t> rows{4, 0, 0, 2, 3};
  cpu_->ops().gather_rows({.x = x.view(dtype_), .rows = span(rows), .y = y.view(dtype_)});
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int64_t c = 0; c < 37; ++c)
      EXPECT_EQ(at(y.view(dtype_), static_cast<int64_t>(i), c), at(x.view(dtype_), rows[i], c));
  }
}

TEST(Convert, HalfPrecisionByBits) {
  // F16: zero, smallest denormal, 1, -2, largest, infinity.
  std::vector<uint16_t> half{0x0000, 0x0001, 0x3c00, 0xc000, 0x7bff, 0x7c00};
  std::vector<float> out(half.size());
  const int64_t n = static_cast<int64_t>(half.size());
  convert({half.data(), 1, n, n, DType::kF16}, {out.data(), 1, n, n, DType::kF32});
  EXPECT_EQ(out, (std::vector<float>{0, 5.960464477539063e-08f, 1, -2, 65504, INFINITY}));
}

TEST(RobertaCpu, UnknownKernelsAreRefused) { EXPECT_EQ(cpu::find_kernels("mmx"), nullptr); }

}  // namespace
}  // namespace roberta::testing
