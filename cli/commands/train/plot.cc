// roberta plot: loss curves of training logs.

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
     "output file; .html shows values under the mouse pointer; default: SVG on standard output", 'o'},
    {"x", Type::kChoice, "step", "step|tokens|time", "quantity on the x axis"},
    {"smooth", Type::kNumber, "0.9", "WEIGHT",
     "weight of the previous average in the exponential moving average of the training loss; 0 = no "
     "smoothing"},
    {"title", Type::kText, "", "TEXT", "title of the plot"},
    {"y-min", Type::kNumber, "", "NATS", "lower end of the loss axis; default: fitted to the curves"},
    {"y-max", Type::kNumber, "", "NATS", "upper end of the loss axis; default: fitted to the curves"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

PlotAxis axis_of(const std::string& name) {
  return name == "tokens" ? PlotAxis::kTokens : name == "time" ? PlotAxis::kTime : PlotAxis::kStep;
}

void write_plot(const std::filesystem::path& path, const std::string& plot) {
  std::ofstream file(path, std::ios::binary);
  file << plot;
  file.close();
  if (!file) throw Error(ErrorCode::kResource, "[plot] " + path.string() + " cannot be written");
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
    throw Error(ErrorCode::kUsage,
                "--output " + output.string() + ": the file name must end in .svg or .html");
  }
  options.html = extension == ".html";
  const std::vector<std::filesystem::path> logs(settings.arguments().begin(), settings.arguments().end());
  const std::string plot = plot_losses(logs, options);
  if (output.empty()) {
    print_all(plot);
  } else {
    write_plot(output, plot);
    log(Level::kInfo, "written to " + output.string());
  }
  return 0;
}

}  // namespace

extern const Command plot_command;
const Command plot_command{
    .name = "plot",
    .arguments = "LOG...",
    .summary = "plot loss curves of training runs as SVG or HTML",
    .description =
        "Plots the training and held-out loss of one or more runs. LOG is a log.jsonl or the directory\n"
        "of a run. The training loss is smoothed, with the raw values in a lighter color; circles are\n"
        "held-out losses.",
    .example = "roberta plot run-a run-b --x tokens --output losses.html",
    .groups = kGroups,
    .min_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
