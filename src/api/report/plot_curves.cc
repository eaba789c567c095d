#include "api/report/plot_curves.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace roberta {
namespace {

std::vector<PlotPoint> over_axis(const std::vector<LossPoint>& points, PlotAxis axis,
                                 const std::string& name) {
  std::vector<PlotPoint> out;
  for (const LossPoint& point : points) {
    if (axis == PlotAxis::kStep) {
      out.push_back({point.step, point.loss});
      continue;
    }
    const std::optional<double>& x = axis == PlotAxis::kTokens ? point.tokens : point.seconds;
    if (!x) {
      fail(ErrorCode::kInput, "[plot] ", name, ": step ", point.step, " has no '",
           axis == PlotAxis::kTokens ? "tokens" : "seconds", "'; plot over steps");
    }
    out.push_back({*x, point.loss});
  }
  std::stable_sort(out.begin(), out.end(), [](PlotPoint a, PlotPoint b) { return a.x < b.x; });
  return out;
}

}  // namespace

std::vector<PlotCurve> make_curves(std::span<const LossLog> logs, const PlotOptions& options) {
  std::vector<PlotCurve> curves;
  for (const LossLog& log : logs) {
    PlotCurve curve;
    curve.name = log.name;
    curve.training = over_axis(log.training, options.x, log.name);
    if (options.smooth > 0) curve.smoothed = smooth(curve.training, options.smooth);
    curve.validation = over_axis(log.validation, options.x, log.name);
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::vector<PlotPoint> smooth(const std::vector<PlotPoint>& points, double weight) {
  std::vector<PlotPoint> sums(points.size(), {0, 0});  // x: weights, y: weighted losses
  PlotPoint before{0, 0}, after{0, 0};
  for (size_t i = 0; i < points.size(); ++i) {
    sums[i] = before = {weight * before.x + 1, weight * before.y + points[i].y};
  }
  std::vector<PlotPoint> out = points;
  for (size_t i = points.size(); i-- > 0;) {
    out[i].y = (sums[i].y + after.y) / (sums[i].x + after.x);
    after = {weight * (after.x + 1), weight * (after.y + points[i].y)};
  }
  return out;
}

std::vector<PlotPoint> thin_out(const std::vector<PlotPoint>& points, size_t columns) {
  if (points.size() <= 4 * columns) return points;
  const double begin = points.front().x;
  const double width = std::max((points.back().x - begin) / static_cast<double>(columns), 1e-300);
  const auto by_y = [](PlotPoint a, PlotPoint b) { return a.y < b.y; };
  std::vector<PlotPoint> out;
  for (auto first = points.begin(); first != points.end();) {
    const double column = std::floor((first->x - begin) / width);
    const auto end = std::find_if(first, points.end(),
                                  [&](PlotPoint p) { return std::floor((p.x - begin) / width) != column; });
    const auto [low, high] = std::minmax_element(first, end, by_y);
    std::vector kept = {first, low, high, end - 1};
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (const auto& point : kept) out.push_back(*point);
    first = end;
  }
  return out;
}

std::vector<double> ticks(double low, double high, int count) {
  const double rough = (high - low) / count, power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double round : {5.0, 2.5, 2.0, 1.0}) {
    if (round * power >= rough) step = round * power;
  }
  std::vector<double> out;
  for (double n = std::ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; ++n)
    out.push_back(n * step + 0.0);  // no -0
  return out;
}

}  // namespace roberta
