#pragma once
// Results of evaluations in one form for all tasks, and a page that shows them.
//
//     roberta::Model model = roberta::Model::load("roberta-rte");
//     const roberta::Report report = report_of(roberta::evaluate_text(model, "dev.tsv", {}));
//     std::ofstream("report.html") << roberta::report_page("RTE", {&report, 1});

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace roberta {

/// Name and value, the primary metric first. Fractions are from 0 to 1, except for SQuAD's, which are from 0
/// to 100, as the official script prints them.
using MetricList = std::vector<std::pair<std::string, double>>;

struct ReportRow {
  std::string name;
  double value = 0;
  int64_t count = 0;  ///< examples behind the value; 0: unknown
};

/// Comparable numbers: a plot and a table.
struct ReportGroup {
  std::string title;  ///< "Accuracy by phenomenon"
  std::vector<ReportRow> rows;
  std::string unit = "%";      ///< after each value
  double low = 0, high = 100;  ///< ends of the axis
  bool share = true;           ///< values are percentages of `count` and shown with 95 % intervals
  std::optional<double> line;  ///< a value to compare with: chance, no preference
  std::string line_name = "chance";
};

/// The results of one evaluation.
struct Report {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  ///< model, data, precision, ...
  MetricList metrics;
  std::vector<ReportGroup> groups;
  std::vector<std::string> notes;  ///< what a reader needs to judge the numbers
};

/// 95 % confidence interval of a proportion (Wilson), in percent. count > 0.
std::pair<double, double> share_interval(double percent, int64_t count);

/// One HTML page, light or dark as the reader's system is, with tables and bar plots as SVG. It loads no
/// other files and runs no script.
std::string report_page(const std::string& title, std::span<const Report> reports);

}  // namespace roberta
