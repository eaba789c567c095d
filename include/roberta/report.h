#pragma once
// Results of evaluations in one form, whatever the task, and the page that shows them.
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

/// Numbers of one kind that may be compared: a plot and a table.
struct ReportGroup {
  std::string title;  ///< "Accuracy by phenomenon"
  std::vector<ReportRow> rows;
  std::string unit = "%";      ///< behind each value
  double low = 0, high = 100;  ///< ends of the axis
  bool share = true;           ///< values are percentages of `count`: their 95 % intervals are shown
  std::optional<double> line;  ///< a value to compare with: chance, no preference
  std::string line_name = "chance";
};

/// What one evaluation found.
struct Report {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  ///< model, data, precision, ...
  MetricList metrics;
  std::vector<ReportGroup> groups;
  std::vector<std::string> notes;  ///< what a reader must know to judge the numbers
};

/// 95 % interval of a share (Wilson), in percent. count > 0.
std::pair<double, double> share_interval(double percent, int64_t count);

/// One HTML page, light or dark as the reader's system is: tables, and bar plots as SVG. It needs nothing
/// from elsewhere and runs no script.
std::string report_page(const std::string& title, std::span<const Report> reports);

}  // namespace roberta
