// Each evaluation in the one form of a report.

#include "roberta/report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "roberta/evaluate.h"

namespace roberta {
namespace {

ReportRow row_of(const BlimpCount& count) { return {count.name, 100 * count.accuracy(), count.pairs}; }
ReportRow row_of(const CrowsPairsCount& count) { return {count.name, count.score(), count.pairs}; }

/// "TYPE_f1" with "TYPE_number" beside it: metrics of an entity type. They go into a plot, the others stay.
ReportGroup take_entity_types(MetricList& metrics) {
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : metrics)
    if (name.ends_with("_number")) numbers[name.substr(0, name.size() - 7)] = value;
  ReportGroup group{.title = "F1 by entity type", .rows = {}, .share = false, .line = {}};
  std::erase_if(metrics, [&](const std::pair<std::string, double>& metric) {
    const std::string& name = metric.first;
    const size_t end = name.rfind('_');
    if (end == std::string::npos) return false;
    const auto type = numbers.find(name.substr(0, end));
    if (type == numbers.end()) return false;
    if (name.ends_with("_f1"))
      group.rows.push_back({type->first, 100 * metric.second, std::llround(type->second)});
    return true;
  });
  return group;
}

/// A metric on the axis from 0 to 100 where it has one.
double in_percent(const TaskEvaluation& evaluation) {
  const double value = evaluation.metrics.empty() ? 0 : evaluation.metrics.front().second;
  return evaluation.task.starts_with("squad") || evaluation.task == "question-answering" ? value
                                                                                         : 100 * value;
}

}  // namespace

std::pair<double, double> share_interval(double percent, int64_t count) {
  const double z = 1.959963984540054, n = static_cast<double>(count), p = percent / 100;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {100 * std::max(0.0, middle - half), 100 * std::min(1.0, middle + half)};
}

Report report_of(const MlmEvaluation& evaluation) {
  return {
      .title = "Masked language modelling",
      .facts = {},
      .metrics = {{"loss", evaluation.loss},
                  {"bits", evaluation.bits()},
                  {"perplexity", evaluation.perplexity()},
                  {"masked_tokens", static_cast<double>(evaluation.masked_tokens)},
                  {"blocks", static_cast<double>(evaluation.blocks)}},
      .groups = {},
      .notes = {
          "Loss is in nats a masked token. It depends on the vocabulary: models with another one can't be "
          "compared by it."}};
}

Report report_of(const BlimpEvaluation& evaluation) {
  Report report{
      .title = "BLiMP",
      .facts = {},
      .metrics = {{"accuracy", evaluation.overall.accuracy()},
                  {"pairs", static_cast<double>(evaluation.overall.pairs)}},
      .groups = {},
      .notes = {"Share of minimal pairs whose acceptable sentence has the higher pseudo-log-likelihood. A "
                "coin gets 50 %."}};
  ReportGroup phenomena{.title = "Accuracy by phenomenon", .rows = {}, .line = 50};
  for (const BlimpCount& count : evaluation.phenomena) phenomena.rows.push_back(row_of(count));
  ReportGroup paradigms{.title = "Accuracy by paradigm", .rows = {}, .line = 50};
  for (const BlimpParadigm& paradigm : evaluation.paradigms) paradigms.rows.push_back(row_of(paradigm));
  report.groups = {std::move(phenomena), std::move(paradigms)};
  return report;
}

Report report_of(const CrowsPairsEvaluation& evaluation) {
  ReportGroup all{
      .title = "More stereotyping sentence preferred",
      .rows = {row_of(evaluation.overall), row_of(evaluation.stereo), row_of(evaluation.antistereo)},
      .line = 50,
      .line_name = "no preference"};
  ReportGroup categories{.title = "By kind of bias", .rows = {}, .line = 50, .line_name = "no preference"};
  for (const CrowsPairsCount& count : evaluation.categories) categories.rows.push_back(row_of(count));
  return {
      .title = "CrowS-Pairs",
      .facts = {},
      .metrics = {{"score", evaluation.overall.score()},
                  {"stereo", evaluation.stereo.score()},
                  {"antistereo", evaluation.antistereo.score()},
                  {"pairs", static_cast<double>(evaluation.overall.pairs)},
                  {"neutral", static_cast<double>(evaluation.overall.neutral)}},
      .groups = {std::move(all), std::move(categories)},
      .notes = {"Percentage of pairs whose more stereotyping sentence the model finds more likely; 50 means "
                "no preference.",
                "The data set is small, American and in parts flawed. A score near 50 doesn't show that a "
                "model is free of bias, and one pair proves nothing."}};
}

Report report_of(const TaskEvaluation& evaluation) {
  Report report{.title = evaluation.task,
                .facts = {},
                .metrics = evaluation.metrics,
                .groups = evaluation.groups,
                .notes = evaluation.notes};
  if (ReportGroup types = take_entity_types(report.metrics); !types.rows.empty())
    report.groups.push_back(std::move(types));
  if (std::isfinite(evaluation.loss)) report.metrics.emplace_back("loss", evaluation.loss);
  report.metrics.emplace_back("examples", static_cast<double>(evaluation.examples));
  return report;
}

Report report_of(const std::string& title, std::span<const TaskEvaluation> evaluations) {
  Report report;
  report.title = title;
  ReportGroup primary_metrics{
      .title = "Primary metric of each task", .rows = {}, .unit = "", .share = false, .line = {}};
  for (const TaskEvaluation& evaluation : evaluations) {
    if (evaluation.metrics.empty()) continue;
    for (const auto& [name, value] : evaluation.metrics)
      report.metrics.emplace_back(evaluation.task + " " + name, value);
    primary_metrics.rows.push_back({evaluation.task + ", " + evaluation.metrics.front().first,
                                    in_percent(evaluation), evaluation.examples});
    for (const std::string& note : evaluation.notes) report.notes.push_back(evaluation.task + ": " + note);
  }
  report.groups.push_back(std::move(primary_metrics));
  return report;
}

}  // namespace roberta
