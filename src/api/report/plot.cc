// Loss curves drawn as SVG, and the page around it.

#include "roberta/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "api/report/markup.h"
#include "api/report/plot_curves.h"
#include "api/report/plot_page.h"
#include "core/error.h"
#include "io/json/json.h"

namespace roberta {
namespace {

// Pixels.
constexpr double kWidth = 960, kHeight = 540;
constexpr double kLeft = 70, kTop = 60, kRight = 30, kBottom = 60;
constexpr double kAreaWidth = kWidth - kLeft - kRight, kAreaHeight = kHeight - kTop - kBottom;
/// Told apart by the colour-blind too (Okabe and Ito, without yellow).
constexpr std::array<const char*, 7> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                "#e69f00", "#56b4e9", "#444444"};

/// "1500" -> "1.5k".
std::string tick_label(double value) {
  static const char* const kUnits[] = {"", "k", "M", "G", "T"};
  int unit = 0;
  for (; std::abs(value) >= 1000 && unit < 4; ++unit) value /= 1000;
  return print("%.4g", value) + kUnits[unit];
}

class Plot {
 public:
  Plot(std::vector<PlotCurve> curves, const PlotOptions& options)
      : options_(options), curves_(std::move(curves)) {
    if (options_.x == PlotAxis::kTime) choose_time_unit();
    set_ranges();
    for (PlotCurve& curve : curves_) {
      for (std::vector<PlotPoint>* points : {&curve.training, &curve.smoothed, &curve.validation})
        *points = thin_out(*points, static_cast<size_t>(kAreaWidth));
    }
  }

  std::string svg() {
    out_ = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", kWidth, " ", kHeight,
                  "\" width=\"", kWidth, "\" height=\"", kHeight,
                  "\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"13\">\n",
                  "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#ffffff\"/>\n",
                  "<clipPath id=\"area\"><rect x=\"", kLeft, "\" y=\"", kTop, "\" width=\"", kAreaWidth,
                  "\" height=\"", kAreaHeight, "\"/></clipPath>\n");
    text(kLeft, 34, options_.title.empty() ? "Loss" : options_.title, "font-size=\"18\" font-weight=\"600\"");
    axes();
    for (size_t i = 0; i < curves_.size(); ++i) curve(i);
    for (size_t i = 0; i < curves_.size(); ++i) legend(i);
    return out_ + "</svg>\n";
  }

  /// What the page's script needs: the area in pixels and in numbers, and the points.
  std::string data() const {
    Json curves = Json::array();
    const auto points_of = [](const std::vector<PlotPoint>& points) {
      Json out = Json::array();
      for (const PlotPoint& p : points) out.push_back({p.x, p.y});
      return out;
    };
    for (size_t i = 0; i < curves_.size(); ++i) {
      const PlotCurve& curve = curves_[i];
      curves.push_back({{"name", escape_markup(curve.name)},
                        {"color", color(i)},
                        {"training", points_of(shown(curve))},
                        {"validation", points_of(curve.validation)}});
    }
    const Json all = {{"x", {{"name", x_name_}, {"low", x_low_}, {"high", x_high_}}},
                      {"y", {{"low", y_low_}, {"high", y_high_}}},
                      {"left", kLeft},
                      {"top", kTop},
                      {"width", kAreaWidth},
                      {"height", kAreaHeight},
                      {"curves", curves}};
    return all.dump();
  }

 private:
  static const char* color(size_t i) { return kColors[i % kColors.size()]; }
  static const std::vector<PlotPoint>& shown(const PlotCurve& curve) {
    return curve.smoothed.empty() ? curve.training : curve.smoothed;
  }
  double pixel_x(double x) const { return kLeft + (x - x_low_) / (x_high_ - x_low_) * kAreaWidth; }
  double pixel_y(double y) const {  // far outside is as good as just outside
    const double part = std::clamp((y - y_low_) / (y_high_ - y_low_), -2.0, 3.0);
    return kTop + (1 - part) * kAreaHeight;
  }

  void choose_time_unit() {
    double last = 0;
    for (const PlotCurve& curve : curves_) {
      for (const auto* points : {&curve.training, &curve.validation})
        if (!points->empty()) last = std::max(last, points->back().x);
    }
    const double unit = last >= 7200 ? 3600 : last >= 120 ? 60 : 1;
    x_name_ = unit == 3600 ? "hours" : unit == 60 ? "minutes" : "seconds";
    for (PlotCurve& curve : curves_) {
      for (auto* points : {&curve.training, &curve.smoothed, &curve.validation})
        for (PlotPoint& point : *points) point.x /= unit;
    }
  }

  void set_ranges() {
    if (options_.x == PlotAxis::kStep) x_name_ = "step";
    if (options_.x == PlotAxis::kTokens) x_name_ = "tokens";
    x_low_ = y_low_ = std::numeric_limits<double>::infinity();
    x_high_ = y_high_ = -x_low_;
    for (const PlotCurve& curve : curves_) {
      for (const auto* points : {&shown(curve), &curve.validation}) {
        for (const PlotPoint& p : *points) {
          x_low_ = std::min(x_low_, p.x), x_high_ = std::max(x_high_, p.x);
          y_low_ = std::min(y_low_, p.y), y_high_ = std::max(y_high_, p.y);
        }
      }
    }
    if (x_low_ > 0 && x_low_ < 0.2 * x_high_) x_low_ = 0;  // logs begin at their first row
    if (x_high_ <= x_low_) x_low_ -= 0.5, x_high_ = x_low_ + 1;
    const double margin = std::max((y_high_ - y_low_) * 0.04, 1e-6 * std::max(1.0, std::abs(y_high_)));
    y_low_ = options_.y_min.value_or(y_low_ - margin);
    y_high_ = options_.y_max.value_or(y_high_ + margin);
    if (!(y_low_ < y_high_)) {
      fail(ErrorCode::kUsage, "[plot] a loss axis from ", y_low_, " to ", y_high_,
           " is empty; give other ends");
    }
  }

  void text(double x, double y, const std::string& what, const std::string& attributes) {
    out_ += concat("<text x=\"", pixels(x), "\" y=\"", pixels(y), "\" ", attributes, ">", escape_markup(what),
                   "</text>\n");
  }
  void line(double x1, double y1, double x2, double y2, const std::string& attributes) {
    out_ += concat("<line x1=\"", pixels(x1), "\" y1=\"", pixels(y1), "\" x2=\"", pixels(x2), "\" y2=\"",
                   pixels(y2), "\" ", attributes, "/>\n");
  }

  void axes() {
    const double bottom = kTop + kAreaHeight;
    for (const double y : ticks(y_low_, y_high_, 8)) {
      line(kLeft, pixel_y(y), kLeft + kAreaWidth, pixel_y(y), "stroke=\"#e8e8e8\"");
      text(kLeft - 8, pixel_y(y) + 4.5, tick_label(y), "text-anchor=\"end\" fill=\"#555555\"");
    }
    for (const double x : ticks(x_low_, x_high_, 9)) {
      line(pixel_x(x), bottom, pixel_x(x), bottom + 5, "stroke=\"#888888\"");
      text(pixel_x(x), bottom + 20, tick_label(x), "text-anchor=\"middle\" fill=\"#555555\"");
    }
    line(kLeft, bottom, kLeft + kAreaWidth, bottom, "stroke=\"#888888\"");
    text(kLeft + kAreaWidth / 2, bottom + 44, x_name_, "text-anchor=\"middle\" fill=\"#333333\"");
    const std::string place = concat("translate(20 ", kTop + kAreaHeight / 2, ") rotate(-90)");
    text(0, 0, "nats a masked token",
         concat("transform=\"", place, "\" text-anchor=\"middle\" fill=\"#333333\""));
  }

  void polyline(const std::vector<PlotPoint>& points, size_t i, const char* attributes) {
    if (points.size() < 2) return;
    out_ += concat("<polyline fill=\"none\" stroke=\"", color(i), "\" stroke-linejoin=\"round\" ", attributes,
                   " points=\"");
    for (size_t p = 0; p < points.size(); ++p)
      out_ += concat(p ? " " : "", pixels(pixel_x(points[p].x)), ",", pixels(pixel_y(points[p].y)));
    out_ += "\"/>\n";
  }

  void curve(size_t i) {
    const PlotCurve& curve = curves_[i];
    out_ += "<g clip-path=\"url(#area)\">\n";
    if (!curve.smoothed.empty()) polyline(curve.training, i, "stroke-width=\"1\" opacity=\"0.25\"");
    polyline(shown(curve), i, "stroke-width=\"2\"");
    polyline(curve.validation, i, "stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
    out_ += "</g>\n";
    for (const PlotPoint& p : curve.validation) {
      if (p.y < y_low_ || p.y > y_high_) continue;
      out_ += concat("<circle cx=\"", pixels(pixel_x(p.x)), "\" cy=\"", pixels(pixel_y(p.y)),
                     "\" r=\"3.5\" fill=\"#ffffff\" stroke=\"", color(i), "\" stroke-width=\"2\"><title>",
                     escape_markup(curve.name), ", held out, ", x_name_, " ", tick_label(p.x), ": ",
                     print("%.4f", p.y), " nats</title></circle>\n");
    }
  }

  /// One line a run, at the top right, where falling curves leave room.
  void legend(size_t i) {
    const PlotCurve& curve = curves_[i];
    const double y = kTop + 20 + 20 * static_cast<double>(i), right = kLeft + kAreaWidth - 10;
    std::string label = curve.name;
    if (!shown(curve).empty()) label += ": training " + print("%.3f", shown(curve).back().y);
    if (!curve.validation.empty()) label += ", held out " + print("%.3f", curve.validation.back().y);
    line(right - 26, y - 4.5, right, y - 4.5, concat("stroke=\"", color(i), "\" stroke-width=\"3\""));
    text(right - 34, y, label,
         "text-anchor=\"end\" fill=\"#333333\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\"");
  }

  const PlotOptions& options_;
  std::vector<PlotCurve> curves_;
  std::string x_name_, out_;
  double x_low_, x_high_, y_low_, y_high_;
};

}  // namespace

std::string plot_losses(std::span<const std::filesystem::path> logs, const PlotOptions& options) {
  if (logs.empty()) fail(ErrorCode::kUsage, "[plot] no log given");
  if (!(options.smooth >= 0 && options.smooth < 1))
    fail(ErrorCode::kUsage, "[plot] smooth ", options.smooth, " is not in [0, 1)");
  std::vector<LossLog> read;
  for (const std::filesystem::path& log : logs) read.push_back(read_loss_log(log));
  Plot plot(make_curves(read, options), options);
  const std::string svg = plot.svg();
  return options.html
             ? plot_page(escape_markup(options.title.empty() ? "Loss" : options.title), svg, plot.data())
             : svg;
}

}  // namespace roberta
