// Dropout, LayerNorm and attention of training: every kernel set against `ref`, the masks against the plain
// definition, and the promise that bits depend neither on the threads nor on a sample's place in the batch.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/rng.h"
#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

constexpr DType kF32 = DType::kF32, kBF16 = DType::kBF16;

struct Case {
  std::string kernels;
  DType dtype;
};
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& name : fast_devices()) {
    cases.push_back({name, kF32});
    cases.push_back({name, kBF16});
  }
  return cases;
}
/// Places of whole sequences, or of some rows of each: sample first_sample + s, positions from 0.
std::vector<uint64_t> places(const std::vector<int32_t>& starts, uint64_t first_sample = 1000) {
  std::vector<uint64_t> rows;
  for (size_t s = 0; s + 1 < starts.size(); ++s) {
    for (int32_t t = starts[s]; t < starts[s + 1]; ++t)
      rows.push_back((first_sample + s) << 32 | static_cast<uint64_t>(t - starts[s]));
  }
  return rows;
}
/// The definition in device/ops.h, written out.
bool plain_kept(float rate, uint64_t key, uint32_t site, uint64_t row, uint32_t head, uint32_t column) {
  const PhiloxCounter words =
      philox4x32({column / 8, static_cast<uint32_t>(row & 0xffffffff) | head << 16,
                  static_cast<uint32_t>(row >> 32), site},
                 {static_cast<uint32_t>(key & 0xffffffff), static_cast<uint32_t>(key >> 32)});
  const uint32_t draw = words[column % 8 / 2] >> (column % 2 * 16) & 0xffff;
  return draw >= static_cast<uint32_t>(std::lround(static_cast<double>(rate) * 65536));
}

class CpuGradRows : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Device> open(int threads = 2) { return open_test_device(GetParam().kernels, threads); }
  std::unique_ptr<Device> cpu_ = open(), ref_ = open_test_device("ref");
  DType dtype_ = GetParam().dtype;
  bool bf16_ = dtype_ == kBF16;
  Random random_{1};

  void expect_near(const DeviceView& got, const DeviceView& want, float tolerance) {
    for (int64_t r = 0; r < want.rows; ++r) {
      for (int64_t c = 0; c < want.cols; ++c) {
        const float x = at(want, r, c),
                    limit = tolerance + (got.dtype == kBF16 ? std::abs(x) / 128 : std::abs(x) * 4e-6f);
        ASSERT_NEAR(at(got, r, c), x, limit) << "row " << r << " column " << c;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, CpuGradRows, ::testing::ValuesIn(all_cases()), [](const auto& info) {
  return info.param.kernels + "_" + name_of(info.param.dtype);
});

TEST_P(CpuGradRows, DropoutIsTheDefinition) {
  const std::vector<uint64_t> rows{0, 511, uint64_t{7} << 32 | 3, uint64_t{0xffffffff} << 32 | 65535};
  const int64_t t = static_cast<int64_t>(rows.size());
  for (float rate : {0.1f, 0.5f, 1e-4f, 0.99f}) {
    for (int64_t c : {1, 7, 64, 100, 768, 1024, 2100}) {
      const Dropout dropout{
          .rate = rate, .key = 0x123456789abcdef0, .site = 0xfedcba98, .counters = span(rows)};
      Operand x = random_.matrix(t, c, true), y = x, low = x;
      cpu_->ops().dropout(
          {.x = x.view(kF32), .dropout = dropout, .y = y.view(kF32), .y_bf16 = low.view(kBF16)});
      const float factor = 65536.0f / static_cast<float>(65536 - std::lround(double{rate} * 65536));
      for (int64_t r = 0; r < t; ++r) {
        for (int64_t i = 0; i < c; ++i) {
          const bool kept = plain_kept(rate, dropout.key, dropout.site, rows[static_cast<size_t>(r)], 0,
                                       static_cast<uint32_t>(i));
          const float want = at(x.view(kF32), r, i) * (kept ? factor : 0);
          ASSERT_EQ(at(y.view(kF32), r, i), want) << rate << " row " << r << " column " << i << " of " << c;
          ASSERT_EQ(at(low.view(kBF16), r, i), bf16_to_float(float_to_bf16(want)));
        }
      }
    }
  }
}

TEST_P(CpuGradRows, TheRightShareIsKept) {
  const int64_t t = 500, c = 1000;
  const std::vector<uint64_t> rows = places({0, 100, 500});
  for (float rate : {0.1f, 0.5f}) {
    for (uint64_t key : {1, 2}) {
      Operand ones{std::vector<float>(static_cast<size_t>(t * c), 1), {}, t, c};
      cpu_->ops().dropout({.x = ones.view(kF32),
                           .dropout = {.rate = rate, .key = key, .site = 3, .counters = span(rows)},
                           .y = ones.view(kF32)});
      double kept = 0, columns = 0;  // and no column is kept in all rows or in none
      for (int64_t i = 0; i < c; ++i) {
        double column = 0;
        for (int64_t r = 0; r < t; ++r) column += ones.f32[static_cast<size_t>(r * c + i)] != 0;
        kept += column;
        columns = std::max(columns, std::abs(column / static_cast<double>(t) - (1 - rate)));
      }
      const double deviation = std::sqrt(rate * (1 - rate));
      EXPECT_NEAR(kept / static_cast<double>(t * c), 1 - rate, 5 * deviation / std::sqrt(t * c));
      EXPECT_LT(columns, 5 * deviation / std::sqrt(t));
    }
  }
}

TEST_P(CpuGradRows, RateZeroReadsNothingAndRateOneIsRefused) {
  Operand x = random_.matrix(3, 50, false), y = x;
  cpu_->ops().dropout({.x = x.view(kF32), .y = y.view(kF32)});
  EXPECT_EQ(x.f32, y.f32);
  const std::vector<uint64_t> rows{1, 2, 3};
  const Dropout all{.rate = 1, .counters = span(rows)};
  EXPECT_ANY_THROW(cpu_->ops().dropout({.x = x.view(kF32), .dropout = all, .y = y.view(kF32)}));
}

TEST_P(CpuGradRows, LayerNormWithDropoutEqualsRef) {
  for (int64_t c : {1, 3, 33, 60, 768, 1500}) {
    const std::vector<uint64_t> rows = places({0, 4, 9});
    Operand x = random_.matrix(9, c, false, 3), residual = random_.matrix(9, c, false),
            gamma = random_.matrix(1, c, false), beta = random_.matrix(1, c, false);
    Operand y = x, low = x, sum = x, stats = random_.matrix(9, 2, false);
    Operand want = x, want_sum = x, want_stats = stats;
    const auto run = [&](Device& d, DeviceView out, DeviceView out_low, DeviceView out_sum,
                         DeviceView out_stats, float rate) {
      d.ops().layer_norm({.x = out_sum,  // in place
                          .residual = residual.view(kF32),
                          .gamma = gamma.view(kF32),
                          .beta = beta.view(kF32),
                          .eps = 1e-5f,
                          .dropout = {.rate = rate, .key = 5, .site = 6, .counters = span(rows)},
                          .y = out,
                          .y_bf16 = out_low,
                          .sum = out_sum,
                          .stats = out_stats});
    };
    for (float rate : {0.0f, 0.1f}) {
      sum.f32 = want_sum.f32 = x.f32;
      run(*ref_, want.view(kF32), {}, want_sum.view(kF32), want_stats.view(kF32), rate);
      run(*cpu_, y.view(kF32), low.view(kBF16), sum.view(kF32), stats.view(kF32), rate);
      SCOPED_TRACE(::testing::Message() << c << " columns, rate " << rate);
      expect_near(sum.view(kF32), want_sum.view(kF32), 1e-6f);
      expect_near(y.view(kF32), want.view(kF32), c == 1 ? 1e-3f : 4e-5f);
      expect_near(low.view(kBF16), want.view(kF32), c == 1 ? 1e-3f : 4e-5f);
      expect_near(stats.view(kF32), want_stats.view(kF32), c == 1 ? 1e-2f : 4e-5f);
    }
  }
}

/// All that LayerNormGrad needs, for `t` rows of `c`.
struct NormCase {
  NormCase(Random& random, int64_t t, int64_t c)
      : dy(random.matrix(t, c, false)),
        sum(random.matrix(t, c, false, 3)),
        stats(random.matrix(t, 2, false)),
        gamma(random.matrix(1, c, false)),
        dgamma(random.matrix(1, c, false)),
        dbeta(random.matrix(1, c, false)),
        dresidual(dy),
        dx(dy),
        rows(places({0, static_cast<int32_t>(t / 3), static_cast<int32_t>(t)})) {
    for (int64_t r = 0; r < t; ++r) {
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < c; ++i) mean += at(sum.view(kF32), r, i) / static_cast<double>(c);
      for (int64_t i = 0; i < c; ++i)
        variance += std::pow(at(sum.view(kF32), r, i) - mean, 2) / static_cast<double>(c);
      host(stats.view(kF32)).row<float>(r)[0] = static_cast<float>(mean);
      host(stats.view(kF32)).row<float>(r)[1] = static_cast<float>(1 / std::sqrt(variance + 1e-5));
    }
  }
  void run(Device& d, float rate, bool accumulate, DType dx_dtype, bool in_place = false) {
    d.ops().layer_norm_grad({.dy = in_place ? dresidual.view(kF32) : dy.view(kF32),
                             .sum = sum.view(kF32),
                             .stats = stats.view(kF32),
                             .gamma = gamma.view(kF32),
                             .dropout = {.rate = rate, .key = 5, .site = 6, .counters = span(rows)},
                             .accumulate = accumulate,
                             .dgamma = dgamma.view(kF32),
                             .dbeta = dbeta.view(kF32),
                             .dresidual = dresidual.view(kF32),
                             .dx = dx.view(dx_dtype)});
  }
  Operand dy, sum, stats, gamma, dgamma, dbeta, dresidual, dx;
  std::vector<uint64_t> rows;
};

TEST_P(CpuGradRows, LayerNormGradEqualsRef) {
  for (const auto& [t, c] : {std::pair<int64_t, int64_t>{1, 3}, {7, 33}, {70, 100}, {131, 768}, {5, 1500}}) {
    for (float rate : {0.0f, 0.1f}) {
      for (bool accumulate : {false, true}) {
        NormCase got(random_, t, c), want = got;
        got.run(*cpu_, rate, accumulate, dtype_, accumulate);
        want.run(*ref_, rate, accumulate, kF32);
        SCOPED_TRACE(::testing::Message() << t << "x" << c << " rate " << rate);
        expect_near(got.dresidual.view(kF32), want.dresidual.view(kF32), 1e-5f);
        expect_near(got.dx.view(dtype_), want.dx.view(kF32), 1e-5f);
        expect_near(got.dgamma.view(kF32), want.dgamma.view(kF32), 1e-4f);
        expect_near(got.dbeta.view(kF32), want.dbeta.view(kF32), 1e-4f);
      }
    }
  }
}

TEST_P(CpuGradRows, LayerNormGradBits) {
  const int64_t t = 3000, c = 40;
  NormCase all(random_, t, c), same = all;
  all.run(*open(1), 0.1f, false, kF32);
  same.run(*open(3), 0.1f, false, kF32);
  EXPECT_EQ(all.dgamma.f32, same.dgamma.f32);
  EXPECT_EQ(all.dbeta.f32, same.dbeta.f32);
  EXPECT_EQ(all.dx.f32, same.dx.f32);
  for (const auto& [begin, rows] : {std::pair<int64_t, int64_t>{0, 1}, {17, 6}, {1501, 1000}}) {
    NormCase some = all;
    cpu_->ops().layer_norm_grad(
        {.dy = all.dy.view(kF32).slice(begin, rows),
         .sum = all.sum.view(kF32).slice(begin, rows),
         .stats = all.stats.view(kF32).slice(begin, rows),
         .gamma = all.gamma.view(kF32),
         .dropout = {.rate = 0.1f, .key = 5, .site = 6, .counters = span(all.rows).subspan(begin, rows)},
         .dgamma = some.dgamma.view(kF32),
         .dbeta = some.dbeta.view(kF32),
         .dresidual = some.dresidual.view(kF32).slice(begin, rows),
         .dx = some.dx.view(kF32).slice(begin, rows)});
    EXPECT_EQ(some.dresidual.f32, all.dresidual.f32);
    EXPECT_EQ(some.dx.f32, all.dx.f32);
  }
}

/// Attention and its gradient on one batch.
struct AttentionCase {
  AttentionCase(Random& random, DType type, int64_t heads_, int64_t d, std::vector<int32_t> q_starts_,
                std::vector<int32_t> starts_)
      : dtype(type),
        heads(heads_),
        c(heads * d),
        q_starts(std::move(q_starts_)),
        starts(std::move(starts_)),
        rows(places(q_starts)),
        q(random.matrix(q_starts.back(), c, type == kBF16)),
        kv(random.matrix(starts.back(), 2 * c, type == kBF16)),
        dy(random.matrix(q_starts.back(), c, type == kBF16)),
        y(q),
        lse(random.matrix(q.rows, heads, false)),
        dq(q),
        dkv(kv) {}
  Dropout dropout() const { return {.rate = rate, .key = 77, .site = 5, .counters = span(rows)}; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(c / heads)); }
  void forward(Device& d) {
    d.ops().attention({.q = q.view(dtype),
                       .k = kv.view(dtype).columns(0, c),
                       .v = kv.view(dtype).columns(c, c),
                       .q_starts = span(q_starts),
                       .starts = span(starts),
                       .max_length = max_length(starts),
                       .heads = heads,
                       .scale = scale(),
                       .dropout = dropout(),
                       .y = y.view(dtype),
                       .lse = lse.view(kF32)});
  }
  /// Of the sequences [begin, end) alone.
  void backward(Device& d, size_t begin, size_t end) {
    std::vector<int32_t> some_q(q_starts.begin() + static_cast<int64_t>(begin),
                                q_starts.begin() + static_cast<int64_t>(end) + 1),
        some(starts.begin() + static_cast<int64_t>(begin), starts.begin() + static_cast<int64_t>(end) + 1);
    const int32_t row = some_q[0], first = some[0];
    for (int32_t& x : some_q) x -= row;
    for (int32_t& x : some) x -= first;
    const auto of_q = [&](DeviceView v) { return v.slice(row, some_q.back()); };
    const auto of_k = [&](DeviceView v, int64_t column) {
      return v.slice(first, some.back()).columns(column, c);
    };
    Dropout places_here = dropout();
    places_here.counters = places_here.counters.subspan(row, some_q.back());
    d.ops().attention_grad({.q = of_q(q.view(dtype)),
                            .k = of_k(kv.view(dtype), 0),
                            .v = of_k(kv.view(dtype), c),
                            .q_starts = span(some_q),
                            .starts = span(some),
                            .max_length = max_length(some),
                            .heads = heads,
                            .scale = scale(),
                            .dropout = places_here,
                            .y = of_q(y.view(dtype)),
                            .lse = of_q(lse.view(kF32)),
                            .dy = of_q(dy.view(dtype)),
                            .dq = of_q(dq.view(dtype)),
                            .dk = of_k(dkv.view(dtype), 0),
                            .dv = of_k(dkv.view(dtype), c)});
  }
  void backward(Device& d) { backward(d, 0, starts.size() - 1); }
  DType dtype;
  int64_t heads, c;
  float rate = 0;
  std::vector<int32_t> q_starts, starts;
  std::vector<uint64_t> rows;
  Operand q, kv, dy, y, lse, dq, dkv;
};

TEST_P(CpuGradRows, AttentionWithDropoutEqualsRef) {
  for (const auto& [heads, d] : {std::pair<int64_t, int64_t>{3, 20}, {2, 64}, {1, 33}}) {
    AttentionCase got(random_, dtype_, heads, d, {0, 1, 3, 3, 68, 100}, {0, 1, 34, 66, 131, 700});
    got.rate = 0.2f;
    AttentionCase want = got;
    want.forward(*ref_);
    got.forward(*cpu_);
    SCOPED_TRACE(::testing::Message() << heads << " heads of " << d);
    expect_near(got.y.view(dtype_), want.y.view(dtype_), bf16_ ? 1e-2f : 1e-5f);
    expect_near(got.lse.view(kF32), want.lse.view(kF32), 1e-5f);
  }
}

TEST_P(CpuGradRows, AttentionGradEqualsRef) {
  for (const auto& [heads, d] : {std::pair<int64_t, int64_t>{1, 1}, {3, 20}, {2, 32}, {2, 64}, {1, 33}}) {
    for (float rate : {0.0f, 0.2f}) {
      for (bool all_rows : {false, true}) {
        const std::vector<int32_t> starts{0, 1, 34, 66, 197, 600};
        AttentionCase got(random_, dtype_, heads, d, all_rows ? starts : std::vector{0, 1, 4, 4, 97, 205},
                          starts);
        got.rate = rate;
        got.forward(*ref_);
        AttentionCase want = got;
        want.backward(*ref_);
        got.backward(*cpu_);
        SCOPED_TRACE(::testing::Message() << heads << " heads of " << d << " rate " << rate);
        expect_near(got.dq.view(dtype_), want.dq.view(dtype_), bf16_ ? 2e-2f : 1e-5f);
        expect_near(got.dkv.view(dtype_), want.dkv.view(dtype_), bf16_ ? 2e-2f : 1e-5f);
      }
    }
  }
}

TEST_P(CpuGradRows, AttentionBitsDependOnTheSequenceAlone) {
  const std::vector<int32_t> starts{0, 17, 90, 380, 400};
  AttentionCase all(random_, dtype_, 3, 20, starts, starts);
  all.rate = 0.1f;
  AttentionCase alone = all;
  all.forward(*cpu_);
  alone.forward(*open(1));
  EXPECT_EQ(all.y.f32, alone.y.f32);
  EXPECT_EQ(all.y.bf16, alone.y.bf16);
  all.backward(*cpu_);
  std::unique_ptr<Device> one = open(1);
  for (size_t s = 0; s < 4; ++s) alone.backward(*one, s, s + 1);
  EXPECT_EQ(all.dq.f32, alone.dq.f32);
  EXPECT_EQ(all.dq.bf16, alone.dq.bf16);
  EXPECT_EQ(all.dkv.f32, alone.dkv.f32);
  EXPECT_EQ(all.dkv.bf16, alone.dkv.bf16);
}

/// A matrix inside a wider one, whose surroundings hold a mark.
struct Framed {
  Framed(int64_t rows_, int64_t cols_, DType type) : rows(rows_), cols(cols_), dtype(type) {
    all.f32.assign(static_cast<size_t>((rows + 2) * (cols + 40)), kMark);
    all.bf16.assign(all.f32.size(), float_to_bf16(kMark));
    all.rows = rows + 2, all.cols = cols + 40;
  }
  DeviceView view() { return all.view(dtype).slice(1, rows).columns(20, cols); }
  void fill(const DeviceView& from) { convert(host(from), host(view())); }
  bool intact() {
    for (int64_t r = 0; r < all.rows; ++r) {
      for (int64_t c = 0; c < all.cols; ++c) {
        const bool inside = r >= 1 && r <= rows && c >= 20 && c < 20 + cols;
        if (!inside && at(all.view(dtype), r, c) != kMark) return false;
      }
    }
    return true;
  }
  static constexpr float kMark = 77;
  int64_t rows, cols;
  DType dtype;
  Operand all;
};

TEST_P(CpuGradRows, NothingOutsideAViewIsTouched) {
  const int64_t t = 6, c = 45;
  NormCase norm(random_, t, c);
  norm.run(*cpu_, 0.1f, false, dtype_);
  Framed dy(t, c, kF32), sum(t, c, kF32), stats(t, 2, kF32), dgamma(1, c, kF32), dbeta(1, c, kF32),
      dresidual(t, c, kF32), dx(t, c, dtype_), y(t, c, kF32), low(t, c, kBF16);
  dy.fill(norm.dy.view(kF32)), sum.fill(norm.sum.view(kF32)), stats.fill(norm.stats.view(kF32));
  const Dropout dropout{.rate = 0.1f, .key = 5, .site = 6, .counters = span(norm.rows)};
  cpu_->ops().layer_norm_grad({.dy = dy.view(),
                               .sum = sum.view(),
                               .stats = stats.view(),
                               .gamma = norm.gamma.view(kF32),
                               .dropout = dropout,
                               .dgamma = dgamma.view(),
                               .dbeta = dbeta.view(),
                               .dresidual = dresidual.view(),
                               .dx = dx.view()});
  expect_near(dresidual.view(), norm.dresidual.view(kF32), 0);
  expect_near(dx.view(), norm.dx.view(dtype_), 0);
  expect_near(dgamma.view(), norm.dgamma.view(kF32), 0);
  for (bool copy : {false, true}) {  // y beside sum, and y in its place
    cpu_->ops().layer_norm({.x = dy.view(),
                            .residual = sum.view(),
                            .gamma = norm.gamma.view(kF32),
                            .beta = norm.dbeta.view(kF32),
                            .eps = 1e-5f,
                            .dropout = dropout,
                            .y = y.view(),
                            .y_bf16 = low.view(),
                            .sum = copy ? dresidual.view() : DeviceView{},
                            .stats = stats.view()});
  }
  for (Framed* m : {&dy, &sum, &stats, &dgamma, &dbeta, &dresidual, &dx, &y, &low}) EXPECT_TRUE(m->intact());

  const std::vector<int32_t> starts{0, 5, 42};
  AttentionCase a(random_, dtype_, 1, 33, starts, starts);
  a.rate = 0.1f;
  a.forward(*cpu_);
  a.backward(*cpu_);
  Framed dq(42, 33, dtype_), dk(42, 33, dtype_), dv(42, 33, dtype_);
  cpu_->ops().attention_grad({.q = a.q.view(dtype_),
                              .k = a.kv.view(dtype_).columns(0, 33),
                              .v = a.kv.view(dtype_).columns(33, 33),
                              .q_starts = span(starts),
                              .starts = span(starts),
                              .max_length = max_length(starts),
                              .heads = 1,
                              .scale = a.scale(),
                              .dropout = a.dropout(),
                              .y = a.y.view(dtype_),
                              .lse = a.lse.view(kF32),
                              .dy = a.dy.view(dtype_),
                              .dq = dq.view(),
                              .dk = dk.view(),
                              .dv = dv.view()});
  expect_near(dq.view(), a.dq.view(dtype_), 0);
  expect_near(dk.view(), a.dkv.view(dtype_).columns(0, 33), 0);
  expect_near(dv.view(), a.dkv.view(dtype_).columns(33, 33), 0);
  for (Framed* m : {&dq, &dk, &dv}) EXPECT_TRUE(m->intact());
}

TEST_P(CpuGradRows, NanIsNeverSwallowed) {
  const std::vector<uint64_t> rows = places({0, 5});
  Operand x = random_.matrix(5, 200, false), y = x;
  for (int64_t i = 0; i < 200; ++i) host(x.view(kF32)).row<float>(2)[i] = NAN;  // the dropped ones, too
  cpu_->ops().dropout(
      {.x = x.view(kF32), .dropout = {.rate = 0.5f, .key = 1, .counters = span(rows)}, .y = y.view(kF32)});
  for (int64_t r = 0; r < 5; ++r) {
    for (int64_t i = 0; i < 200; ++i) ASSERT_EQ(std::isnan(at(y.view(kF32), r, i)), r == 2);
  }
  const std::vector<int32_t> starts{0, 20, 60};
  AttentionCase a(random_, dtype_, 2, 32, starts, starts);
  a.rate = 0.5f;
  a.forward(*cpu_);
  for (int64_t i = 0; i < a.c; ++i) {  // the gradient of row 7
    a.dy.f32[static_cast<size_t>(7 * a.c + i)] = NAN;
    a.dy.bf16[static_cast<size_t>(7 * a.c + i)] = float_to_bf16(NAN);
  }
  a.backward(*cpu_);
  for (int64_t r = 0; r < 60; ++r) {
    for (int64_t i = 0; i < 2 * a.c; ++i)
      ASSERT_EQ(std::isnan(at(a.dkv.view(dtype_), r, i)), r < 20) << r << " " << i;
    for (int64_t i = 0; i < a.c; ++i) ASSERT_EQ(std::isnan(at(a.dq.view(dtype_), r, i)), r == 7);
  }
}

}  // namespace
}  // namespace roberta::testing
