// Correlations, as scipy.stats defines them.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "tasks/metrics/metrics.h"

namespace roberta {
namespace {

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

bool is_constant(std::span<const double> x) {
  return std::all_of(x.begin(), x.end(), [&](double value) { return value == x[0]; });
}

double correlation(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    fail(ErrorCode::kFailed, "[metrics] ", x.size(), " true values but ", y.size(), " predicted ones");
  if (x.size() < 2 || is_constant(x) || is_constant(y)) return std::numeric_limits<double>::quiet_NaN();
  const double x_mean = mean(x), y_mean = mean(y);
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double a = x[i] - x_mean, b = y[i] - y_mean;
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

/// From 1; equal values share the mean of their ranks. A NaN has no rank: all are NaN then.
std::vector<double> ranks(std::span<const float> x) {
  std::vector<double> out(x.size());
  if (std::any_of(x.begin(), x.end(), [](float value) { return std::isnan(value); })) {
    out.assign(x.size(), std::numeric_limits<double>::quiet_NaN());
    return out;
  }
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) out[order[i]] = static_cast<double>(begin + 1 + end) / 2;
    begin = end;
  }
  return out;
}

}  // namespace

double pearson(std::span<const float> x, std::span<const float> y) {
  const std::vector<double> a(x.begin(), x.end()), b(y.begin(), y.end());
  return correlation(a, b);
}

double spearman(std::span<const float> x, std::span<const float> y) {
  return correlation(ranks(x), ranks(y));
}

Metrics regression_metrics(std::span<const float> truth, std::span<const float> predicted) {
  const double p = pearson(truth, predicted), s = spearman(truth, predicted);
  double squares = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double error = static_cast<double>(predicted[i]) - static_cast<double>(truth[i]);
    squares += error * error;
  }
  const double n = static_cast<double>(std::max<size_t>(truth.size(), 1));
  return {{"pearson", p}, {"spearmanr", s}, {"combined", (p + s) / 2}, {"mse", squares / n}};
}

}  // namespace roberta
