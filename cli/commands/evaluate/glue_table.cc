#include "cli/commands/evaluate/glue_table.h"

#include <algorithm>

#include "cli/io/style.h"
#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

void append_member(std::string& out, const char* name, double value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_number(out, value);
}

std::string as_json(const GlueTable& table) {
  std::string out = "{\"tasks\":{";
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const GlueRow& row = table.rows[i];
    if (i) out += ',';
    append_json_string(out, row.task);
    out += ":{\"title\":";
    append_json_string(out, row.title);
    out += ",\"runs\":" + std::to_string(row.runs) + ",\"headline\":";
    append_json_string(out, row.primary_metric);
    out += ",\"metrics\":{";
    for (size_t m = 0; m < row.metrics.size(); ++m) {
      const auto& [name, values] = row.metrics[m];
      if (m) out += ',';
      append_json_string(out, name);
      out += ":{\"median\":";
      append_json_number(out, values.median);
      append_member(out, "mean", values.mean);
      append_member(out, "deviation", values.deviation);
      append_member(out, "min", values.min);
      append_member(out, "max", values.max);
      out += '}';
    }
    out += "}}";
  }
  out += "},\"average\":";
  append_json_number(out, table.average);
  return out + ",\"averaged\":" + std::to_string(table.averaged) + "}";
}

std::string percent(double share) { return fixed(100 * share, 1); }

/// The first `left` columns left-aligned, the others right-aligned.
class Columns {
 public:
  explicit Columns(size_t left) : left_(left) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const {
    std::vector<int> widths;
    for (const auto& cells : rows_) {
      widths.resize(std::max(widths.size(), cells.size()));
      for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
    }
    std::string out;
    for (const auto& cells : rows_) {
      std::string line;
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string pad(static_cast<size_t>(widths[i] - display_width(cells[i])), ' ');
        line += (i ? "  " : "") + (i < left_ ? cells[i] + pad : pad + cells[i]);
      }
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
  }

 private:
  size_t left_;
  std::vector<std::vector<std::string>> rows_;
};

/// As on a model card: one column per task with the median of its primary metric and the spread over the
/// runs.
std::string card_text(const GlueTable& table) {
  std::vector<std::string> titles = {""}, medians = {"median"}, deviations = {"deviation"}, runs = {"runs"};
  for (const GlueRow& row : table.rows) {
    const MetricSpread& values = row.metrics.front().second;
    titles.push_back(row.title);
    medians.push_back(percent(values.median));
    deviations.push_back(row.runs > 1 ? percent(values.deviation) : "-");
    runs.push_back(std::to_string(row.runs));
  }
  titles.push_back(table.averaged == 8 ? "average" : "average of " + std::to_string(table.averaged));
  medians.push_back(table.averaged ? percent(table.average) : "-");
  Columns columns(1);
  for (auto& cells : {titles, medians, deviations, runs}) columns.row(cells);
  return columns.text();
}

/// Every metric of every task.
std::string metrics_text(const GlueTable& table) {
  Columns columns(2);
  columns.row({"task", "metric", "median", "mean", "deviation", "min", "max"});
  for (const GlueRow& row : table.rows) {
    for (const auto& [name, values] : row.metrics) {
      columns.row({row.title, printable(name), percent(values.median), percent(values.mean),
                   row.runs > 1 ? percent(values.deviation) : "-", percent(values.min), percent(values.max)});
    }
  }
  return columns.text();
}

}  // namespace

EvaluationOutput output_of(const GlueTable& table, const Settings& settings) {
  EvaluationOutput out;
  out.text =
      Style(settings).bold("GLUE dev sets, x 100") + "\n\n" + card_text(table) + "\n" + metrics_text(table);
  out.json = as_json(table);
  out.report = report_of(table);
  return out;
}

}  // namespace roberta::cli
