#include "tasks/metrics/metrics.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace roberta {

double metric(const Metrics& metrics, std::string_view name) {
  std::string known;
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
    known += (known.empty() ? "" : ", ") + key;
  }
  fail(ErrorCode::kFailed, "[metrics] metric '", name, "' not found; the metrics are ", known);
}

Spread spread(std::span<const double> values) {
  Spread out;
  if (values.empty()) return out;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  out.min = sorted.front();
  out.max = sorted.back();
  out.median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  for (const double x : sorted) out.mean += x;
  out.mean /= static_cast<double>(n);
  double squares = 0;
  for (const double x : sorted) squares += (x - out.mean) * (x - out.mean);
  if (n > 1) out.deviation = std::sqrt(squares / static_cast<double>(n - 1));
  return out;
}

}  // namespace roberta
