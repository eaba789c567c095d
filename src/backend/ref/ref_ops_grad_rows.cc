// Gradients of the row by row operations and of attention.

#include <vector>

#include "backend/ref/ref_dropout.h"
#include "backend/ref/ref_ops.h"
#include "backend/ref/ref_values.h"

namespace roberta::ref {
namespace {

/// A dense matrix of zeros: sums that are rounded once, at their end.
struct Sums {
  explicit Sums(const DeviceView& out) : view(out), values(static_cast<size_t>(out.rows * out.cols)) {}
  double& at(int64_t r, int64_t c) { return values[static_cast<size_t>(r * view.cols + c)]; }
  void write(bool accumulate = false) {
    for (int64_t r = 0; r < view.rows; ++r) {
      for (int64_t c = 0; c < view.cols; ++c) set(view, r, c, at(r, c) + get_if(accumulate, view, r, c));
    }
  }
  DeviceView view;
  std::vector<double> values;
};

}  // namespace

void RefOps::layer_norm_grad(const LayerNormGrad& a) {
  const int64_t cols = a.dy.cols;
  Sums dgamma(a.dgamma), dbeta(a.dbeta);
  for (int64_t t = 0; t < a.dy.rows; ++t) {
    const double mean = get(a.stats, t, 0), scale = get(a.stats, t, 1);
    const auto normal = [&](int64_t c) { return (get(a.sum, t, c) - mean) * scale; };
    double m1 = 0, m2 = 0;  // means of g = dy * gamma and of g * normal
    for (int64_t c = 0; c < cols; ++c) {
      const double dy = get(a.dy, t, c), g = dy * get(a.gamma, 0, c);
      m1 += g / static_cast<double>(cols);
      m2 += g * normal(c) / static_cast<double>(cols);
      if (a.dgamma) dgamma.at(0, c) += dy * normal(c);
      if (a.dbeta) dbeta.at(0, c) += dy;
    }
    for (int64_t c = 0; c < cols; ++c) {
      const double d = scale * (get(a.dy, t, c) * get(a.gamma, 0, c) - m1 - normal(c) * m2);
      set(a.dresidual, t, c, d);
      if (a.dx) set(a.dx, t, c, d * dropout_factor(a.dropout, t, 0, c));
    }
  }
  dgamma.write(a.accumulate);
  dbeta.write(a.accumulate);
}

void RefOps::dropout(const DropoutRows& a) {
  for (int64_t t = 0; t < a.x.rows; ++t) {
    for (int64_t c = 0; c < a.x.cols; ++c) {
      const double y = get(a.x, t, c) * dropout_factor(a.dropout, t, 0, c);
      set(a.y, t, c, y);
      if (a.y_bf16) set(a.y_bf16, t, c, y);
    }
  }
}

/// With s = scale q k^T, p = softmax(s) = exp(s - lse), m the factors of dropout, y = (p m) v:
/// dv = (p m)^T dy,  dp = (dy v^T) m,  ds = p (dp - sum over keys of p dp),  dq = scale ds k,
/// dk = scale ds^T q.
void RefOps::attention_grad(const AttentionGrad& a) {
  const int64_t d = a.q.cols / a.heads;
  Sums dq(a.dq), dk(a.dk), dv(a.dv);
  for (size_t s = 0; s + 1 < host(a.starts).size(); ++s) {
    const int64_t start = host(a.starts)[s], length = host(a.starts)[s + 1] - start;
    std::vector<double> p(static_cast<size_t>(length)), dp(p);
    for (int64_t i = host(a.q_starts)[s]; i < host(a.q_starts)[s + 1]; ++i) {
      for (int64_t h = 0; h < a.heads; ++h) {
        const DeviceView q = a.q.columns(h * d, d), k = a.k.columns(h * d, d), v = a.v.columns(h * d, d),
                         dy = a.dy.columns(h * d, d);
        double mean = 0;
        for (int64_t j = 0; j < length; ++j) {
          const size_t at = static_cast<size_t>(j);
          const double m = dropout_factor(a.dropout, i, h, j);
          p[at] = std::exp(dot(q, i, k, start + j) * a.scale - get(a.lse, i, h));
          dp[at] = dot(dy, i, v, start + j) * m;
          mean += p[at] * dp[at];
          for (int64_t c = 0; c < d; ++c) dv.at(start + j, h * d + c) += p[at] * m * get(dy, i, c);
        }
        for (int64_t j = 0; j < length; ++j) {
          const size_t at = static_cast<size_t>(j);
          const double ds = p[at] * (dp[at] - mean) * a.scale;
          for (int64_t c = 0; c < d; ++c) {
            dq.at(i, h * d + c) += ds * get(k, start + j, c);
            dk.at(start + j, h * d + c) += ds * get(q, i, c);
          }
        }
      }
    }
  }
  dq.write(), dk.write(), dv.write();
}

}  // namespace roberta::ref
