// The matrix operations at the sizes of heads: few outputs, and for their gradients few inputs; the tanh of a
// GEMM; and gradients that aren't wanted.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/backend/op_data.h"

namespace roberta::testing {
namespace {

constexpr DType kF32 = DType::kF32;

struct Case {
  std::string kernels;
  DType dtype;
};
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& name : fast_devices()) {
    for (DType dtype : {kF32, DType::kBF16}) cases.push_back({name, dtype});
  }
  return cases;
}

class FewColumns : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Device> cpu_ = open_test_device(GetParam().kernels, 2);
  std::unique_ptr<Device> ref_ = open_test_device("ref");
  DType dtype_ = GetParam().dtype;
  bool bf16_ = dtype_ == DType::kBF16;
  Random random_{9};

  /// As activations lie in memory: rows farther apart than they are long, and what lies between is not a
  /// number.
  struct Padded {
    Padded(Device& device, const Operand& m, DType dtype)
        : data(static_cast<size_t>(m.rows * device.row_stride(m.cols, dtype) * size_of(dtype)), '\xff'),
          view{DevicePtr(data.data()), m.rows, m.cols, device.row_stride(m.cols, dtype), dtype} {
      Operand copy = m;
      for (int64_t r = 0; r < m.rows; ++r) {
        std::memcpy(host(view).slice(r, 1).data, host(copy.view(dtype)).slice(r, 1).data,
                    static_cast<size_t>(m.cols * size_of(dtype)));
      }
    }
    std::vector<char> data;
    DeviceView view;
  };
  static void expect_near(const DeviceView& got, const DeviceView& want, float absolute,
                          float relative = 2e-6f) {
    for (int64_t r = 0; r < want.rows; ++r) {
      for (int64_t c = 0; c < want.cols; ++c) {
        const float x = at(want, r, c);
        ASSERT_NEAR(at(got, r, c), x, absolute + std::abs(x) * relative) << "row " << r << " column " << c;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, FewColumns, ::testing::ValuesIn(all_cases()), [](const auto& info) {
  return info.param.kernels + "_" + name_of(info.param.dtype);
});

/// y = act(x w^T + bias), dx = dy w, dw = dy^T x, db, with w packed both ways by the operation of training.
TEST_P(FewColumns, LinearAndItsGradients) {
  for (const int64_t n : {1, 2, 3, 9}) {
    for (const int64_t k : {1, 3, 64, 100}) {
      for (const int64_t m : {1, 5, 70}) {
        SCOPED_TRACE(::testing::Message() << m << "x" << n << "x" << k);
        Operand w = random_.matrix(n, k, bf16_), bias = random_.matrix(1, n, false);
        const Padded x(*cpu_, random_.matrix(m, k, bf16_), dtype_),
            dy(*cpu_, random_.matrix(m, n, bf16_), dtype_);
        struct Results {
          Operand y, pre, dx, dw, db, db_alone;
        };
        const auto run = [&](Device& d) {
          Buffer block = d.allocate(d.weight_bytes(n, k, dtype_)),
                 transposed_block = d.allocate(d.weight_bytes(k, n, dtype_));
          const Weight packed{block.data(), n, k, dtype_}, transposed{transposed_block.data(), k, n, dtype_};
          d.ops().pack({.source = w.view(kF32), .w = &packed, .w_transposed = &transposed});
          Results r{random_.matrix(m, n, false), random_.matrix(m, n, false), random_.matrix(m, k, false),
                    random_.matrix(n, k, false), random_.matrix(1, n, false), random_.matrix(1, n, false)};
          d.ops().gemm({.x = x.view,
                        .w = &packed,
                        .bias = bias.view(kF32),
                        .act = Activation::kTanh,
                        .pre = r.pre.view(kF32),
                        .y = r.y.view(kF32)});
          d.ops().gemm({.x = dy.view, .w = &transposed, .y = r.dx.view(kF32)});
          d.ops().gemm_grad({.dy = dy.view, .x = x.view, .dw = r.dw.view(kF32), .db = r.db.view(kF32)});
          d.ops().gemm_grad({.dy = dy.view, .db = r.db_alone.view(kF32)});
          return r;
        };
        Results got = run(*cpu_), want = run(*ref_);
        const float error = 1e-5f * std::sqrt(static_cast<float>(std::max(k, m)));
        expect_near(got.y.view(kF32), want.y.view(kF32), error);
        expect_near(got.pre.view(kF32), want.pre.view(kF32), error);
        expect_near(got.dx.view(kF32), want.dx.view(kF32), error);
        expect_near(got.dw.view(kF32), want.dw.view(kF32), error);
        expect_near(got.db.view(kF32), want.db.view(kF32), error);
        EXPECT_EQ(got.db_alone.f32, got.db.f32);
        EXPECT_EQ(want.db_alone.f32, want.db.f32);
      }
    }
  }
}

TEST_P(FewColumns, TanhIntoTheMatrixDtype) {
  const int64_t m = 37, n = 70, k = 33;
  Operand x = random_.matrix(m, k, bf16_, 0.5f), w = random_.matrix(n, k, bf16_),
          y = random_.matrix(m, n, false), want = y, pre = y;
  PackedWeight cpu_w(*cpu_, w, dtype_), ref_w(*ref_, w, dtype_);
  ref_->ops().gemm({.x = x.view(dtype_), .w = &ref_w.weight, .act = Activation::kTanh, .y = want.view(kF32)});
  cpu_->ops().gemm({.x = x.view(dtype_),
                    .w = &cpu_w.weight,
                    .act = Activation::kTanh,
                    .pre = pre.view(DType::kBF16),
                    .y = y.view(dtype_)});
  expect_near(y.view(dtype_), want.view(kF32), 1e-5f, bf16_ ? 1.0f / 256 : 2e-6f);
}

/// Many rows come in stages; sums of columns alone have the same bits as beside a product, also when added.
TEST_P(FewColumns, SumsOfColumnsAlone) {
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{0, 5}, {2100, 2}, {9000, 100}}) {
    Operand dy = random_.matrix(m, n, bf16_), x = random_.matrix(m, 40, bf16_),
            dw = random_.matrix(n, 40, false);
    for (bool accumulate : {false, true}) {
      Operand alone = random_.matrix(1, n, false), beside = alone;
      cpu_->ops().gemm_grad({.dy = dy.view(dtype_), .accumulate = accumulate, .db = alone.view(kF32)});
      cpu_->ops().gemm_grad({.dy = dy.view(dtype_),
                             .x = x.view(dtype_),
                             .accumulate = accumulate,
                             .dw = dw.view(kF32),
                             .db = beside.view(kF32)});
      EXPECT_EQ(alone.f32, beside.f32);
    }
  }
}

TEST_P(FewColumns, GradientsThatAreNotWanted) {
  const int64_t t = 50, c = 36, v = 60;
  // LayerNorm: gamma alone, beta alone, neither.
  Operand dy = random_.matrix(t, c, false), sum = random_.matrix(t, c, false),
          stats = random_.matrix(t, 2, false), gamma = random_.matrix(1, c, false);
  struct Grads {
    Operand dgamma, dbeta, dresidual;
  };
  const Grads start{random_.matrix(1, c, false), random_.matrix(1, c, false), random_.matrix(t, c, false)};
  for (Device* d : {cpu_.get(), ref_.get()}) {
    const auto run = [&](bool wants_gamma, bool wants_beta) {
      Grads g = start;
      d->ops().layer_norm_grad({.dy = dy.view(kF32),
                                .sum = sum.view(kF32),
                                .stats = stats.view(kF32),
                                .gamma = gamma.view(kF32),
                                .accumulate = true,
                                .dgamma = wants_gamma ? g.dgamma.view(kF32) : DeviceView{},
                                .dbeta = wants_beta ? g.dbeta.view(kF32) : DeviceView{},
                                .dresidual = g.dresidual.view(kF32)});
      return g;
    };
    const Grads all = run(true, true);
    for (bool wants_gamma : {false, true}) {
      for (bool wants_beta : {false, true}) {
        const Grads some = run(wants_gamma, wants_beta);
        EXPECT_EQ(some.dgamma.f32, wants_gamma ? all.dgamma.f32 : start.dgamma.f32);
        EXPECT_EQ(some.dbeta.f32, wants_beta ? all.dbeta.f32 : start.dbeta.f32);
        EXPECT_EQ(some.dresidual.f32, all.dresidual.f32);
      }
    }
    // Embeddings: each table alone.
    std::vector<int32_t> ids, positions;
    for (int64_t i = 0; i < t; ++i)
      ids.push_back(random_.integer(0, 9)), positions.push_back(random_.integer(0, 9));
    const Operand table = random_.matrix(10, c, false);
    const auto tables = [&](int wanted) {
      std::vector<Operand> out{table, table, table};
      const auto view = [&](int i) {
        return wanted & 1 << i ? out[static_cast<size_t>(i)].view(kF32) : DeviceView{};
      };
      d->ops().embed_grad({.ids = span(ids),
                           .positions = span(positions),
                           .dy = dy.view(kF32),
                           .dword = view(0),
                           .dposition = view(1),
                           .dtype = view(2),
                           .pad_id = 1});
      return out;
    };
    const std::vector<Operand> every = tables(7);
    for (int wanted = 0; wanted < 8; ++wanted) {
      const std::vector<Operand> some = tables(wanted);
      for (size_t i = 0; i < 3; ++i) EXPECT_EQ(some[i].f32, wanted & 1 << i ? every[i].f32 : table.f32);
    }
    // The vocabulary's cross entropy: by x alone, and with the bias.
    Operand x = random_.matrix(t, c, bf16_), w = random_.matrix(v, c, bf16_),
            bias = random_.matrix(1, v, false);
    Operand w_transposed = random_.matrix(c, v, bf16_);
    std::vector<int32_t> targets;
    for (int64_t i = 0; i < t; ++i) targets.push_back(random_.integer(0, static_cast<int32_t>(v) - 1));
    PackedWeight packed(*d, w, dtype_), packed_transposed(*d, w_transposed, dtype_);
    struct Results {
      Operand loss, dx, dw, db;
    };
    const Results zero{random_.matrix(t, 1, false), random_.matrix(t, c, false), random_.matrix(v, c, false),
                       random_.matrix(1, v, false)};
    const auto cross_entropy = [&](bool wants_w, bool wants_b) {
      Results r = zero;
      d->ops().linear_cross_entropy_grad({.x = x.view(dtype_),
                                          .w = &packed.weight,
                                          .w_transposed = &packed_transposed.weight,
                                          .bias = bias.view(kF32),
                                          .targets = span(targets),
                                          .scale = 0.5f,
                                          .loss = r.loss.view(kF32),
                                          .dx = r.dx.view(kF32),
                                          .dw = wants_w ? r.dw.view(kF32) : DeviceView{},
                                          .db = wants_b ? r.db.view(kF32) : DeviceView{}});
      return r;
    };
    const Results whole = cross_entropy(true, true);
    for (bool wants_w : {false, true}) {
      for (bool wants_b : {false, true}) {
        const Results some = cross_entropy(wants_w, wants_b);
        EXPECT_EQ(some.loss.f32, whole.loss.f32);
        EXPECT_EQ(some.dx.f32, whole.dx.f32);
        EXPECT_EQ(some.dw.f32, wants_w ? whole.dw.f32 : zero.dw.f32);
        EXPECT_EQ(some.db.f32, wants_b ? whole.db.f32 : zero.db.f32);
      }
    }
  }
}

}  // namespace
}  // namespace roberta::testing
