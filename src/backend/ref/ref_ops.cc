#include "backend/ref/ref_ops.h"

#include <algorithm>
#include <vector>

#include "backend/ref/ref_dropout.h"
#include "backend/ref/ref_values.h"
#include "core/largest.h"

namespace roberta::ref {

void RefOps::gemm(const Gemm& a) {
  const DeviceView w = as_view(*a.w);
  for (int64_t i = 0; i < a.x.rows; ++i) {
    for (int64_t j = 0; j < w.rows; ++j) {
      const double pre = dot(a.x, i, w, j) + (a.bias ? get(a.bias, 0, j) : 0);
      if (a.pre) set(a.pre, i, j, pre);
      const double y =
          a.gelu_pre ? pre * derivative(Activation::kGelu, get(a.gelu_pre, i, j)) : activate(a.act, pre);
      set(a.y, i, j, y + (a.add ? get(a.add, i, j) : 0));
    }
  }
}

void RefOps::embed(const Embed& a) {
  const DeviceView word = as_view(*a.word);
  for (int64_t t = 0; t < a.y.rows; ++t) {
    const size_t at = static_cast<size_t>(t);
    for (int64_t c = 0; c < a.y.cols; ++c) {
      set(a.y, t, c,
          get(word, host(a.ids)[at], c) + get(a.position, host(a.positions)[at], c) + get(a.type, 0, c));
    }
  }
}

void RefOps::layer_norm(const LayerNorm& a) {
  std::vector<double> row(static_cast<size_t>(a.x.cols));
  for (int64_t t = 0; t < a.x.rows; ++t) {
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < a.x.cols; ++c) {
      double& x = row[static_cast<size_t>(c)];
      x = get(a.x, t, c) * dropout_factor(a.dropout, t, 0, c) + (a.residual ? get(a.residual, t, c) : 0);
      mean += x;
    }
    if (a.sum) {
      for (int64_t c = 0; c < a.x.cols; ++c) set(a.sum, t, c, row[static_cast<size_t>(c)]);
    }
    mean /= static_cast<double>(a.x.cols);
    for (double x : row) variance += (x - mean) * (x - mean);
    const double scale = 1 / std::sqrt(variance / static_cast<double>(a.x.cols) + a.eps);
    if (a.stats) set(a.stats, t, 0, mean), set(a.stats, t, 1, scale);
    for (int64_t c = 0; c < a.x.cols; ++c) {
      const double y = (row[static_cast<size_t>(c)] - mean) * scale * get(a.gamma, 0, c) + get(a.beta, 0, c);
      set(a.y, t, c, y);
      if (a.y_bf16) set(a.y_bf16, t, c, y);
    }
  }
}

void RefOps::attention(const Attention& a) {
  const int64_t d = a.q.cols / a.heads;
  for (size_t s = 0; s + 1 < host(a.starts).size(); ++s) {
    const int64_t start = host(a.starts)[s], length = host(a.starts)[s + 1] - start;
    std::vector<double> p(static_cast<size_t>(length));
    for (int64_t i = host(a.q_starts)[s]; i < host(a.q_starts)[s + 1]; ++i) {
      for (int64_t h = 0; h < a.heads; ++h) {
        const DeviceView q = a.q.columns(h * d, d), k = a.k.columns(h * d, d), v = a.v.columns(h * d, d);
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < length; ++j) {
          p[static_cast<size_t>(j)] = dot(q, i, k, start + j) * a.scale;
          top = std::max(top, p[static_cast<size_t>(j)]);
        }
        for (double& x : p) sum += x = std::exp(x - top);
        if (a.lse) set(a.lse, i, h, top + std::log(sum));
        for (int64_t j = 0; j < length; ++j)
          p[static_cast<size_t>(j)] *= dropout_factor(a.dropout, i, h, j) / sum;
        for (int64_t c = 0; c < d; ++c) {
          double y = 0;
          for (int64_t j = 0; j < length; ++j) y += p[static_cast<size_t>(j)] * get(v, start + j, c);
          set(a.y, i, h * d + c, y);
        }
      }
    }
  }
}

void RefOps::gather_rows(const GatherRows& a) {
  for (size_t i = 0; i < host(a.rows).size(); ++i) {
    for (int64_t c = 0; c < a.x.cols; ++c) set(a.y, static_cast<int64_t>(i), c, get(a.x, host(a.rows)[i], c));
  }
}

void RefOps::linear_cross_entropy(const LinearCrossEntropy& a) {
  const DeviceView w = as_view(*a.w);
  std::vector<double> logits(static_cast<size_t>(w.rows));
  for (int64_t i = 0; i < a.x.rows; ++i) {
    for (int64_t j = 0; j < w.rows; ++j)
      logits[static_cast<size_t>(j)] = dot(a.x, i, w, j) + (a.bias ? get(a.bias, 0, j) : 0);
    const double top = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (double x : logits) sum += std::exp(x - top);
    set(a.loss, i, 0,
        top + std::log(sum) - logits[static_cast<size_t>(host(a.targets)[static_cast<size_t>(i)])]);
  }
}

void RefOps::top_k(const TopK& a) {
  const size_t k = static_cast<size_t>(a.k);
  for (int64_t r = 0; r < a.x.rows; ++r) {
    const View row = host(a.x.slice(r, 1));
    const size_t at = static_cast<size_t>(r) * k;
    host(a.exp_sums)[static_cast<size_t>(r)] =
        largest({row.row<float>(0), static_cast<size_t>(a.x.cols)}, host(a.columns).subspan(at, k),
                host(a.values).subspan(at, k));
  }
}

void RefOps::sum(const Sum& a) {
  double total = 0;
  for (int64_t r = 0; r < a.x.rows; ++r) {
    for (int64_t c = 0; c < a.x.cols; ++c) total += get(a.x, r, c);
  }
  host(a.out)[0] = total;
}

void RefOps::cast(const Cast& a) {
  for (int64_t r = 0; r < a.x.rows; ++r) {
    for (int64_t c = 0; c < a.x.cols; ++c) set(a.y, r, c, a.scale * get(a.x, r, c));
  }
}

}  // namespace roberta::ref
