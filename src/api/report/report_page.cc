// The page of a report: tables, and bar plots drawn as SVG. Well-formed as XML too.

#include <algorithm>
#include <cmath>

#include "api/report/markup.h"
#include "core/error.h"
#include "roberta/report.h"

namespace roberta {
namespace {

// Pixels of a plot.
constexpr double kWidth = 900, kValues = 130, kRow = 26, kBar = 16, kHead = 26, kFoot = 28;

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1d2126; --soft: #5c6670; --line: #dfe3e8; --page: #f5f6f7; --card: #ffffff;
        --bar: #2f6fb0; --whisker: #14375c; --mark: #b3541e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #353b43; --page: #15181c; --card: #1e2228; --bar: #4f93d8;
          --whisker: #cfe3f8; --mark: #f0965a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 2rem auto 4rem; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin: 0 0 1.2rem; }
h2 { font-size: 1.3rem; margin: 0 0 .6rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.4rem 1.6rem;
          margin-bottom: 1.6rem; }
.facts { color: var(--soft); font-size: .88rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.metrics { display: flex; flex-wrap: wrap; gap: .7rem; margin: 0; padding: 0; list-style: none; }
.metrics li { border: 1px solid var(--line); border-radius: 8px; padding: .45rem .9rem; min-width: 7rem; }
.metrics li:first-child { border-color: var(--bar); border-width: 2px; }
.metrics b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.metrics span { color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
.plot { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 620px; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); } svg .bar { fill: var(--bar); }
svg .grid { stroke: var(--line); } svg .whisker { stroke: var(--whisker); stroke-width: 1.5; }
svg .mark { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 5 4; } svg .markname { fill: var(--mark); }
details { margin-top: .6rem; color: var(--soft); } summary { cursor: pointer; }
table { border-collapse: collapse; margin-top: .6rem; color: var(--ink); font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem 1.1rem .2rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
th { color: var(--soft); } th:first-child, td:first-child { text-align: left; }
.notes { color: var(--soft); margin: 1.2rem 0 0; padding-left: 1.1rem; }
)";

std::string with_commas(double whole) {
  std::string digits = print("%.0f", whole);
  for (ptrdiff_t at = static_cast<ptrdiff_t>(digits.size()) - 3;
       at > 0 && digits[static_cast<size_t>(at) - 1] != '-'; at -= 3)
    digits.insert(static_cast<size_t>(at), 1, ',');
  return digits;
}

/// Whole numbers as such, others with four decimals.
std::string metric_text(double value) {
  if (!std::isfinite(value)) return "undefined";
  if (value == std::floor(value) && std::abs(value) < 1e15 && std::abs(value) != 1) return with_commas(value);
  return print(std::abs(value) >= 1000 ? "%.1f" : std::abs(value) >= 2 ? "%.2f" : "%.4f", value);
}
std::string value_text(const ReportGroup& group, double value) {
  if (!std::isfinite(value)) return "undefined";
  return print("%.1f", value) + (group.unit.empty() ? "" : "\u00a0" + escape_markup(group.unit));
}
bool has_interval(const ReportGroup& group, const ReportRow& row) {
  return group.share && row.count > 0 && row.value >= 0 && row.value <= 100;
}

/// Names left, bars in the middle with their intervals, values right, the line to compare with across.
class BarPlot {
 public:
  explicit BarPlot(const ReportGroup& group) : group_(group) {
    bottom_ = kHead + kRow * static_cast<double>(group.rows.size());
    size_t longest = 0;
    for (const ReportRow& row : group.rows) longest = std::max(longest, shortened(row.name).size());
    names_ = std::clamp(7.7 * static_cast<double>(longest) + 16, 110.0, 380.0);
    area_ = kWidth - names_ - kValues;
  }

  std::string svg() {
    out_ = concat("<svg viewBox=\"0 0 ", kWidth, " ", bottom_ + kFoot, "\" role=\"img\" aria-label=\"",
                  escape_markup(group_.title), "\">\n");
    axis();
    for (size_t i = 0; i < group_.rows.size(); ++i) row(i);
    if (group_.line) {
      line(x_of(*group_.line), kHead - 4, x_of(*group_.line), bottom_, "mark");
      text(x_of(*group_.line), kHead - 10, escape_markup(group_.line_name),
           "class=\"markname\" text-anchor=\"middle\"");
    }
    return out_ + "</svg>\n";
  }

 private:
  double x_of(double value) const {
    const double part = (value - group_.low) / (group_.high - group_.low);
    return names_ + area_ * (part >= 0 ? std::min(part, 1.0) : 0.0);
  }
  void line(double x1, double y1, double x2, double y2, const char* kind) {
    out_ += concat("<line x1=\"", pixels(x1), "\" y1=\"", pixels(y1), "\" x2=\"", pixels(x2), "\" y2=\"",
                   pixels(y2), "\" class=\"", kind, "\"/>\n");
  }
  void text(double x, double y, const std::string& escaped, const char* attributes) {
    out_ +=
        concat("<text x=\"", pixels(x), "\" y=\"", pixels(y), "\" ", attributes, ">", escaped, "</text>\n");
  }
  void axis() {
    for (int tick = 0; tick <= 4; ++tick) {
      const double value = group_.low + (group_.high - group_.low) * tick / 4;
      line(x_of(value), kHead, x_of(value), bottom_, "grid");
      text(x_of(value), bottom_ + 18, print("%.4g", value), "class=\"soft\" text-anchor=\"middle\"");
    }
  }
  void row(size_t i) {
    const ReportRow& row = group_.rows[i];
    const double middle = kHead + kRow * (static_cast<double>(i) + 0.5),
                 zero = x_of(std::max(0.0, group_.low));
    const double end = x_of(row.value);
    out_ += concat("<g><title>", escape_markup(row.name), ": ", value_text(group_, row.value),
                   row.count > 0 ? " of " + with_commas(static_cast<double>(row.count)) : "", "</title>\n");
    text(names_ - 10, middle + 4.5, escape_markup(shortened(row.name)), "text-anchor=\"end\"");
    if (std::isfinite(row.value)) {
      out_ += concat("<rect x=\"", pixels(std::min(zero, end)), "\" y=\"", pixels(middle - kBar / 2),
                     "\" width=\"", pixels(std::abs(end - zero)), "\" height=\"", kBar,
                     "\" rx=\"2\" class=\"bar\"/>\n");
    }
    if (has_interval(group_, row)) {
      const auto [low, high] = share_interval(row.value, row.count);
      line(x_of(low), middle, x_of(high), middle, "whisker");
      for (const double at : {low, high}) line(x_of(at), middle - 4, x_of(at), middle + 4, "whisker");
    }
    text(names_ + area_ + 12, middle + 4.5, value_text(group_, row.value), "");
    if (row.count > 0) {
      text(kWidth - 4, middle + 4.5, with_commas(static_cast<double>(row.count)),
           "class=\"soft\" text-anchor=\"end\"");
    }
    out_ += "</g>\n";
  }
  static std::string shortened(const std::string& name) {
    constexpr size_t kMaxChars = 50;
    if (name.size() <= kMaxChars) return name;
    size_t end = kMaxChars - 1;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // whole code points
    return name.substr(0, end) + "\u2026";
  }

  const ReportGroup& group_;
  double bottom_, names_, area_;
  std::string out_;
};

std::string table_of(const ReportGroup& group) {
  bool counts = false, intervals = false;
  for (const ReportRow& row : group.rows) {
    counts = counts || row.count > 0;
    intervals = intervals || has_interval(group, row);
  }
  std::string out = std::string("<details><summary>Table</summary>\n<table>\n<tr><th></th><th>value</th>") +
                    (intervals ? "<th>95\u00a0% interval</th>" : "") + (counts ? "<th>of</th>" : "") +
                    "</tr>\n";
  for (const ReportRow& row : group.rows) {
    out += "<tr><td>" + escape_markup(row.name) + "</td><td>" + value_text(group, row.value) + "</td>";
    if (intervals) {
      out += "<td>";
      if (has_interval(group, row)) {
        const auto [low, high] = share_interval(row.value, row.count);
        out += print("%.1f", low) + " to " + print("%.1f", high);
      }
      out += "</td>";
    }
    if (counts) out += "<td>" + (row.count > 0 ? with_commas(static_cast<double>(row.count)) : "") + "</td>";
    out += "</tr>\n";
  }
  return out + "</table></details>\n";
}

std::string section_of(const Report& report) {
  std::string out = "<section>\n<h2>" + escape_markup(report.title) + "</h2>\n";
  if (!report.facts.empty()) {
    out += "<p class=\"facts\">";
    for (size_t i = 0; i < report.facts.size(); ++i)
      out += (i ? " \u00b7 " : "") + escape_markup(report.facts[i].first) + ": " +
             escape_markup(report.facts[i].second);
    out += "</p>\n";
  }
  if (!report.metrics.empty()) {
    out += "<ul class=\"metrics\">\n";
    for (const auto& [name, value] : report.metrics)
      out += "<li><b>" + metric_text(value) + "</b><span>" + escape_markup(name) + "</span></li>\n";
    out += "</ul>\n";
  }
  for (const ReportGroup& group : report.groups) {
    if (group.rows.empty()) continue;
    out += "<h3>" + escape_markup(group.title) + "</h3>\n<div class=\"plot\">\n" + BarPlot(group).svg() +
           "</div>\n" + table_of(group);
  }
  if (!report.notes.empty()) {
    out += "<ul class=\"notes\">\n";
    for (const std::string& note : report.notes) out += "<li>" + escape_markup(note) + "</li>\n";
    out += "</ul>\n";
  }
  return out + "</section>\n";
}

}  // namespace

std::string report_page(const std::string& title, std::span<const Report> reports) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
      escape_markup(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n<h1>" +
      escape_markup(title) + "</h1>\n";
  for (const Report& report : reports) out += section_of(report);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace roberta
