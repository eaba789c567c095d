// roberta plot: loss curves of one or several logs.

#include "roberta/plot.h"

#include <cstdlib>
#include <fstream>
#include <vector>

#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/settings/command.h"
#include "cli/settings/settings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"output", Type::kPath, "", "FILE.svg|FILE.html",
     "where the picture goes; a page (.html) shows values under the mouse; without it, SVG on standard "
     "output",
     'o'},
    {"x", Type::kChoice, "step", "step|tokens|time", "the axis below"},
    {"smooth", Type::kNumber, "0.9", "WEIGHT",
     "of the next rows in the moving average of the training loss; 0 = none"},
    {"title", Type::kText, "", "TEXT", "above the picture"},
    {"y-min", Type::kNumber, "", "NATS", "lower end of the loss axis; else as the curves need"},
    {"y-max", Type::kNumber, "", "NATS", "upper end"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

PlotAxis axis_of(const std::string& name) {
  return name == "tokens" ? PlotAxis::kTokens : name == "time" ? PlotAxis::kTime : PlotAxis::kStep;
}

void write_picture(const std::filesystem::path& path, const std::string& picture) {
  std::ofstream file(path, std::ios::binary);
  file << picture;
  file.close();
  if (!file) throw Error(ErrorCode::kResource, "[plot] " + path.string() + " can't be written");
}

int run(const Settings& settings) {
  PlotOptions options;
  options.x = axis_of(settings.text("x"));
  options.smooth = settings.number("smooth");
  options.title = settings.text("title");
  if (settings.given("y-min")) options.y_min = settings.number("y-min");
  if (settings.given("y-max")) options.y_max = settings.number("y-max");
  const std::filesystem::path output = settings.path("output");
  const std::string extension = output.extension().string();
  if (!output.empty() && extension != ".svg" && extension != ".html") {
    throw Error(ErrorCode::kUsage, "--output " + output.string() +
                                       ": a name that ends in .svg or .html says "
                                       "what to draw");
  }
  options.html = extension == ".html";
  const std::vector<std::filesystem::path> logs(settings.arguments().begin(), settings.arguments().end());
  const std::string picture = plot_losses(logs, options);
  if (output.empty()) {
    print_all(picture);
  } else {
    write_picture(output, picture);
    log(Level::kInfo, "written to " + output.string());
  }
  return 0;
}

}  // namespace

extern const Command plot_command;
const Command plot_command{
    .name = "plot",
    .arguments = "LOG...",
    .summary = "loss curves of training runs, as SVG or HTML",
    .description =
        "Draws training and held-out loss of one or several runs. LOG is a log.jsonl or the folder of a "
        "run.\n"
        "Training loss is smoothed, the raw one stands pale behind it; circles are held-out losses.",
    .example = "roberta plot run-a run-b --x tokens --output losses.html",
    .groups = kGroups,
    .min_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
