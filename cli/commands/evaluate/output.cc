// Shared output of evaluations: tables of metrics as text and JSON.

#include <algorithm>
#include <cmath>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/style.h"
#include "cli/io/terminal.h"
#include "cli/settings/version.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

void append_value(std::string& out, double value) {
  if (std::isfinite(value))
    append_json_number(out, value);
  else
    out += "null";  // the correlation of constants is undefined
}

std::string as_json(const TaskEvaluation& evaluation) {
  std::string out = "{\"task\":";
  append_json_string(out, evaluation.task);
  out += ",\"examples\":";
  append_number(out, evaluation.examples);
  out += ",\"loss\":";
  append_value(out, evaluation.loss);
  out += ",\"metrics\":{";
  for (size_t i = 0; i < evaluation.metrics.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, evaluation.metrics[i].first);
    out += ':';
    append_value(out, evaluation.metrics[i].second);
  }
  out += "}";
  if (!evaluation.notes.empty()) {
    out += ",\"notes\":[";
    for (size_t i = 0; i < evaluation.notes.size(); ++i) {
      if (i) out += ',';
      append_json_string(out, evaluation.notes[i]);
    }
    out += "]";
  }
  return out + "}";
}

std::string as_text(const TaskEvaluation& evaluation) {
  size_t width = 8;
  for (const auto& [name, value] : evaluation.metrics)
    width = std::max(width, static_cast<size_t>(display_width(printable(name))));
  const auto line = [&](const std::string& name, const std::string& value) {
    const std::string shown = printable(name);
    return shown + std::string(width + 2 - static_cast<size_t>(display_width(shown)), ' ') + value + "\n";
  };
  std::string out = line("examples", std::to_string(evaluation.examples));
  if (std::isfinite(evaluation.loss)) out += line("loss", fixed(evaluation.loss, 4));
  for (const auto& [name, value] : evaluation.metrics) {
    const bool count = name.ends_with("total") || name.ends_with("_number");
    out += line(name, std::isfinite(value) ? fixed(value, count ? 0 : 4) : "undefined");
  }
  for (const std::string& note : evaluation.notes) out += line("note", printable(note));
  return out;
}

}  // namespace

EvaluationOutput output_of(const TaskEvaluation& evaluation) {
  return {as_text(evaluation), as_json(evaluation), report_of(evaluation)};
}

std::string bars_of(const ReportGroup& group, const Settings& settings) {
  const Style style(settings);
  int width = 8;
  for (const ReportRow& row : group.rows) width = std::max(width, display_width(printable(row.name)));
  std::string out;
  for (const ReportRow& row : group.rows) {
    const std::string name = printable(row.name), value = fixed(row.value, 1);
    const double part = std::clamp((row.value - group.low) / (group.high - group.low), 0.0, 1.0);
    out += name + std::string(static_cast<size_t>(width - display_width(name)), ' ') + align_right(value, 8) +
           (group.unit.empty() ? "" : " " + group.unit) + "  " + style.bar(part) +
           (row.count > 0 ? "  of " + std::to_string(row.count) : "") + "\n";
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> facts_of(const Settings& settings,
                                                          std::span<const std::string> files) {
  const std::string data = joined(files, ", ");
  return {{"model", settings.text("model")},
          {"data", data.empty() ? "standard input" : data},
          {"precision", settings.text("dtype")},
          {"program", std::string(trimmed_end(version_line()))}};
}

void read_prediction_options(const Settings& settings, PredictionOptions& options) {
  options.limit = settings.integer("limit");
  options.max_length = settings.integer("max-length");
  options.predictions = settings.path("predictions");
}

}  // namespace roberta::cli
