#include "cli/commands/train/finetune_report.h"

#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/io/log.h"
#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string scientific(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.3g", value);
  return text;
}

/// Only the first few, since there may be many entity types.
std::string metrics_text(const FinetuneEvaluation& evaluation) {
  constexpr size_t kShown = 6;
  std::string out;
  for (size_t i = 0; i < evaluation.metrics.size() && i < kShown; ++i) {
    const auto& [name, value] = evaluation.metrics[i];
    out += "  " + printable(name) + " " + (std::isfinite(value) ? fixed(value, 4) : "-");
  }
  return out;
}

Json json_of(const FinetuneEvaluation& evaluation) {
  Json metrics = Json::object();
  for (const auto& [name, value] : evaluation.metrics) metrics[name] = value;
  return {{"seed", evaluation.seed},
          {"step", evaluation.step},
          {"epoch", evaluation.epoch},
          {"loss", evaluation.loss},
          {"metrics", metrics}};
}

std::string row(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') + value + "\n";
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

FinetuneProgress::FinetuneProgress(const Settings& settings, bool several_seeds)
    : progress_(settings),
      several_(several_seeds),
      bar_(settings.text("progress") == "always" || is_terminal(STDERR_FILENO)) {}

std::string FinetuneProgress::seed_text(uint64_t seed) const {
  return several_ ? "seed " + std::to_string(seed) + "  " : "";
}

FinetuneCallbacks FinetuneProgress::callbacks() {
  FinetuneCallbacks out;
  out.log = [this](const FinetuneLog& line) {
    clear_progress_line();
    log(Level::kInfo, seed_text(line.seed) + "step " + std::to_string(line.step) + "/" +
                          std::to_string(line.total_steps) + "  epoch " + fixed(line.epoch, 2) + "  loss " +
                          fixed(line.loss, 4) + "  lr " + scientific(line.learning_rate) + "  norm " +
                          scientific(line.gradient_norm) + "  " +
                          quantity_text(line.tokens_per_second, false) + " tokens/s  ETA " +
                          duration_text(line.seconds_left));
    if (bar_) progress_.update("finetune", "steps", line.step, line.total_steps);
  };
  out.evaluated = [this](const FinetuneEvaluation& line) {
    clear_progress_line();
    log(Level::kInfo, seed_text(line.seed) + "step " + std::to_string(line.step) + "  dev loss " +
                          fixed(line.loss, 4) + metrics_text(line) + (line.best ? "  (best)" : ""));
  };
  out.saved = [](int64_t, const std::filesystem::path& path) {
    log(Level::kDebug, "saved " + path.string());
  };
  out.info = [](const std::string& text) { log(Level::kInfo, text); };
  out.warning = [](const std::string& text) { log(Level::kWarning, text); };
  return out;
}

std::string result_text(const FinetuneResult& result) {
  std::string out;
  for (const FinetuneEvaluation& one : result.best) {
    if (one.metrics.empty()) continue;
    out += "seed " + std::to_string(one.seed) + "  step " + std::to_string(one.step) + "  dev loss " +
           fixed(one.loss, 4) + metrics_text(one) + "\n";
  }
  for (const FinetuneEvaluation& one : result.test)
    out +=
        "seed " + std::to_string(one.seed) + "  test loss " + fixed(one.loss, 4) + metrics_text(one) + "\n";
  if (result.best.size() > 1 && !result.primary_metric.empty()) {
    out += result.primary_metric + " of " + std::to_string(result.best.size()) + " seeds: median " +
           fixed(result.median, 4) + ", mean " + fixed(result.mean, 4) + ", standard deviation " +
           fixed(result.deviation, 4) + "\n";
  }
  return out + "model  " + result.model.string() + "\n";
}

std::string result_json(const FinetuneResult& result) {
  Json best = Json::array(), test = Json::array();
  for (const FinetuneEvaluation& one : result.best) best.push_back(json_of(one));
  for (const FinetuneEvaluation& one : result.test) test.push_back(json_of(one));
  return dump({{"task", result.task},
               {"model", result.model.string()},
               {"headline", result.primary_metric},
               {"median", result.median},
               {"mean", result.mean},
               {"deviation", result.deviation},
               {"best", best},
               {"test", test}});
}

std::string plan_text(const FinetunePlan& plan) {
  const auto count = [](int64_t n) { return quantity_text(static_cast<double>(n), false); };
  std::string out =
      row("task", plan.task) + row("device", plan.device) + row("examples", std::to_string(plan.examples)) +
      row("sequences", std::to_string(plan.sequences) + ", at most " + std::to_string(plan.longest) +
                           " tokens, " + count(plan.tokens) + " tokens in total") +
      row("dev examples", std::to_string(plan.dev_examples));
  size_t shown = 0;
  for (const auto& [label, examples] : plan.labels) {
    if (++shown > 20) {
      out += row("  ...", std::to_string(plan.labels.size()) + " labels");
      break;
    }
    out += row("  " + printable(label), std::to_string(examples));
  }
  out += row("parameters", count(plan.parameters) + ", trainable " + count(plan.trained));
  int64_t all = 0;
  for (const auto& [part, bytes] : plan.bytes) {
    out += row("  " + part, quantity_text(static_cast<double>(bytes), true));
    all += bytes;
  }
  out += row("total memory", quantity_text(static_cast<double>(all), true));
  out += row("checkpoint size", quantity_text(static_cast<double>(plan.checkpoint_bytes), true));
  out += row("steps", std::to_string(plan.steps) + ", " + std::to_string(plan.steps_per_epoch) +
                          " per epoch, warmup " + std::to_string(plan.warmup_steps));
  for (const auto& [name, value] : plan.settings) {
    if (name != "task" && name != "data" && name != "model") out += row("  " + name, value);
  }
  for (const std::string& note : plan.notes) out += row("note", note);
  out += row("speed", quantity_text(plan.tokens_per_second, false) + " tokens/s");
  return out + row("training time", duration_text(plan.seconds) + " (estimated from a measurement)");
}

std::string plan_json(const FinetunePlan& plan) {
  Json labels = Json::object(), bytes = Json::object(), settings = Json::object();
  for (const auto& [label, count] : plan.labels) labels[label] = count;
  for (const auto& [part, size] : plan.bytes) bytes[part] = size;
  for (const auto& [name, value] : plan.settings) settings[name] = value;
  return dump({{"task", plan.task},
               {"device", plan.device},
               {"examples", plan.examples},
               {"sequences", plan.sequences},
               {"tokens", plan.tokens},
               {"longest", plan.longest},
               {"dev_examples", plan.dev_examples},
               {"labels", labels},
               {"parameters", plan.parameters},
               {"trained_parameters", plan.trained},
               {"steps", plan.steps},
               {"steps_per_epoch", plan.steps_per_epoch},
               {"warmup_steps", plan.warmup_steps},
               {"settings", settings},
               {"bytes", bytes},
               {"checkpoint_bytes", plan.checkpoint_bytes},
               {"tokens_per_second", plan.tokens_per_second},
               {"seconds", plan.seconds},
               {"notes", plan.notes}});
}

}  // namespace roberta::cli
