// roberta pretrain: masked language modelling on a prepared corpus.

#include "roberta/pretrain.h"

#include <nlohmann/json.hpp>

#include "api/options/pretrain_options.h"
#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/signals.h"
#include "cli/settings/option_table.h"
#include "cli/settings/settings.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr Option kProgramOptions[] = {
    {"dry-run", Type::kFlag, "false", "", "print sizes, memory, operations and time without training"},
    {"format", Type::kChoice, "text", "text|json", "output format of --dry-run"},
    {"set", Type::kText, "", "NAME=VALUE", "an option by its name in a recipe: optimizer.learning_rate=1e-4"},
};

const OptionTable& table() {
  static const OptionTable kTable = [] {
    OptionTable table;
    table.add_options<PretrainOptions>();
    table.add("Run", kProgramOptions);
    return table;
  }();
  return kTable;
}

std::string scientific(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string log_line(const TrainingLog& line) {
  std::string text = "step " + std::to_string(line.step) + "/" + std::to_string(line.total_steps) +
                     "  loss " + fixed(line.loss, 4) + "  lr " + scientific(line.learning_rate) + "  norm " +
                     scientific(line.gradient_norm) + "  " + quantity_text(line.tokens_per_second, false) +
                     " tokens/s";
  if (line.peak_fraction > 0) text += "  " + fixed(100 * line.peak_fraction, 0) + "% of peak";
  return text + "  ETA " + duration_text(line.seconds_left);
}

std::string plan_text(const PretrainPlan& plan) {
  std::string out;
  const auto row = [&](const std::string& name, const std::string& value) {
    out += name + std::string(name.size() < 20 ? 20 - name.size() : 1, ' ') + value + "\n";
  };
  row("device", plan.device);
  row("parameters", quantity_text(static_cast<double>(plan.parameters), false));
  int64_t all = 0;
  for (const auto& [part, bytes] : plan.bytes) {
    row(part, quantity_text(static_cast<double>(bytes), true));
    all += bytes;
  }
  row("total memory", quantity_text(static_cast<double>(all), true));
  row("checkpoint", quantity_text(static_cast<double>(plan.checkpoint_bytes), true));
  row("steps", std::to_string(plan.steps));
  row("samples", quantity_text(static_cast<double>(plan.samples), false));
  row("tokens", quantity_text(static_cast<double>(plan.tokens), false) +
                    (plan.epochs > 0 ? " (" + fixed(plan.epochs, 2) + " epochs)" : ""));
  row("operations", scientific(plan.flops) + " (matrix products, forward and backward)");
  row("speed", quantity_text(plan.tokens_per_second, false) + " tokens/s in the first stage");
  row("fraction of peak", fixed(100 * plan.flops / plan.seconds / plan.peak_flops, 0) + "% of " +
                              fixed(plan.peak_flops / 1e9, 0) + " GFLOP/s");
  constexpr double kDay = 86400;
  row("time",
      (plan.seconds < 3 * kDay ? duration_text(plan.seconds) : fixed(plan.seconds / kDay, 0) + " days") +
          " (estimated from steps on random tokens)");
  return out;
}

std::string plan_json(const PretrainPlan& plan) {
  nlohmann::ordered_json json = {{"device", plan.device}, {"parameters", plan.parameters}};
  for (const auto& [part, bytes] : plan.bytes) json["bytes"][part] = bytes;
  json["checkpoint_bytes"] = plan.checkpoint_bytes;
  json["steps"] = plan.steps;
  json["samples"] = plan.samples;
  json["tokens"] = plan.tokens;
  json["epochs"] = plan.epochs;
  json["flops"] = plan.flops;
  json["tokens_per_second"] = plan.tokens_per_second;
  json["peak_flops"] = plan.peak_flops;
  json["peak_fraction"] = plan.flops / plan.seconds / plan.peak_flops;
  json["seconds"] = plan.seconds;
  return json.dump(2) + "\n";
}

PretrainCallbacks callbacks() {
  return {.log = [](const TrainingLog& line) { log(Level::kInfo, log_line(line)); },
          .validated =
              [](const ValidationLog& line) {
                log(Level::kInfo, "step " + std::to_string(line.step) + "  held-out loss " +
                                      fixed(line.loss, 4) + (line.best ? " (best)" : ""));
              },
          .saved = [](int64_t,
                      const std::filesystem::path& path) { log(Level::kInfo, "saved " + path.string()); },
          .info = [](const std::string& text) { log(Level::kInfo, text); },
          .warning = [](const std::string& text) { log(Level::kWarning, text); }};
}

int run(const Settings& settings) {
  PretrainOptions options;
  read_options(options, [&](std::string_view name) -> const std::string& { return settings.text(name); });
  options.threads = thread_count(settings);
  if (settings.flag("dry-run")) {
    const PretrainPlan plan = plan_pretraining(options);
    print_all(settings.text("format") == "json" ? plan_json(plan) : plan_text(plan));
    return 0;
  }
  settings.require("data");
  settings.require("output");
  const StopRequest stop;
  const PretrainStopReason reason = pretrain(options, callbacks(), stop.requested());
  return reason == PretrainStopReason::kStopped ? stop.exit_code() : 0;
}

}  // namespace

extern const Command pretrain_command;
const Command pretrain_command{
    .name = "pretrain",
    .arguments = "",
    .summary = "train a masked language model on a prepared corpus",
    .description =
        "Trains from scratch or from --model, and writes checkpoints that are model directories. The same\n"
        "command run again resumes from the newest one, bit-exactly. Recipes (configs/*.yaml) contain these\n"
        "options, in sections named like the groups below; --config reads one, and flags or --set override "
        "it.\n"
        "SIGINT and SIGTERM save and end the run; a second one ends it at once.",
    .example = "roberta pretrain --config configs/roberta-base.yaml --data corpus --output run",
    .groups = table().groups(),
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
