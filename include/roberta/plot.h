#pragma once
// Plots of training: the loss curves of one or several runs.
//
//     const std::filesystem::path runs[] = {"run-a", "run-b"};
//     std::ofstream("losses.svg") << roberta::plot_losses(runs, {.x = roberta::PlotAxis::kTokens});

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace roberta {

enum class PlotAxis : uint8_t { kStep, kTokens, kTime };

struct PlotOptions {
  PlotAxis x = PlotAxis::kStep;
  /// Moving average of the training loss: a row k rows away has the weight smooth^k, 0 to below 1; the raw
  /// loss is drawn paler. 0: only the raw loss.
  double smooth = 0.9;
  std::string title;
  std::optional<double> y_min, y_max;  ///< nats; without them, the range of the curves
  bool html = false;                   ///< a page that shows values under the mouse; otherwise SVG
};

/// Training and held-out loss. `logs`: log.jsonl files (docs/formats.md), or the folders of runs.
/// Error(kInput) names file and line, or what a log lacks for that axis.
std::string plot_losses(std::span<const std::filesystem::path> logs, const PlotOptions& options = {});

}  // namespace roberta
