#pragma once
// What plots are made of, in the numbers of the data: curves smoothed and thinned out, and ticks of axes.

#include <span>
#include <string>
#include <vector>

#include "roberta/plot.h"
#include "train/log_reader.h"

namespace roberta {

struct PlotPoint {
  double x, y;
};
/// One run.
struct PlotCurve {
  std::string name;
  std::vector<PlotPoint> training, smoothed, validation;  ///< smoothed: empty without smoothing
};

/// Curves over an axis (time in seconds). Error(kInput) if a log lacks it.
std::vector<PlotCurve> make_curves(std::span<const LossLog> logs, const PlotOptions& options);

/// Moving average with the weights weight^|distance in rows|: both ways, so that it doesn't lag.
std::vector<PlotPoint> smooth(const std::vector<PlotPoint>& points, double weight);
/// At most about 4 * columns points of ascending x, with all that shows at that width: of each column the
/// first, lowest, highest and last.
std::vector<PlotPoint> thin_out(const std::vector<PlotPoint>& points, size_t columns);

/// Round numbers inside [low, high], about `count` of them.
std::vector<double> ticks(double low, double high, int count);

}  // namespace roberta
