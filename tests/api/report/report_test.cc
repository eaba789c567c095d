// The page of a report: sound as XML, needs nothing from elsewhere, and holds the numbers.
#include "roberta/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "roberta/evaluate.h"

namespace roberta {
namespace {

/// Empty when every tag is closed in order and '<', '&' stand for themselves nowhere; else what is wrong.
std::string fault_of(const std::string& page) {
  std::vector<std::string> open;
  size_t at = page.find("<html");
  if (at == std::string::npos) return "no <html";
  while ((at = page.find_first_of("<&", at)) != std::string::npos) {
    const size_t end = page.find(page[at] == '<' ? '>' : ';', at);
    if (end == std::string::npos || end - at > 400) return "open at " + page.substr(at, 60);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const bool entity = page[at] == '&';
    at = end + 1;
    if (entity) {
      if (tag != "amp" && tag != "lt" && tag != "gt" && tag != "quot") return "&" + tag;
      continue;
    }
    if (tag.find('<') != std::string::npos) return tag;
    if (tag.ends_with("/")) continue;
    if (!tag.starts_with("/")) {
      open.push_back(tag.substr(0, tag.find(' ')));
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return "</" + tag.substr(1) + "> without its beginning";
    } else {
      open.pop_back();
    }
    if (!open.empty() && open.back() == "style") at = page.find("</style>", at);
  }
  return open.empty() ? "" : "<" + open.back() + "> is open";
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

Report sample() {
  return {.title = "A <title> & \"more\"",
          .facts = {{"model", "x<y"}, {"data", "a\nb\xFF"}},
          .metrics = {{"accuracy", 0.72563}, {"pairs", 67000}, {"pearson", NAN}},
          .groups = {{.title = "By kind",
                      .rows = {{"one & all", 61.25, 400}, {"none", 0, 12}, {"undefined", NAN, 3}},
                      .line = 50},
                     {.title = "Empty", .rows = {}, .line = {}},
                     {.title = "F1", .rows = {{"person", 42.5, 0}}, .share = false, .line = {}}},
          .notes = {"a < b"}};
}

TEST(Report, PageIsSoundAndStandsAlone) {
  const std::vector<Report> reports = {sample(), sample()};
  const std::string page = report_page("Title <1>", reports);
  EXPECT_EQ(fault_of(page), "");
  for (const char* outside : {"http:", "https:", "//", "src=", "href=", "@import", "url(", "<script"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_EQ(count_of(page, "<svg"), 4u);  // the empty group is left out
  EXPECT_EQ(count_of(page, "class=\"bar\""), 6u);
  for (const char* there : {"0.7256", "67,000", "undefined", "61.2", "one &amp; all", "Title &lt;1&gt;",
                            "chance", "A &lt;title&gt;", "prefers-color-scheme: dark"})
    EXPECT_NE(page.find(there), std::string::npos) << there;
  EXPECT_EQ(count_of(page, ">chance<"), 2u);  // a line only where one is wanted
  EXPECT_EQ(fault_of("<html><p></html>").empty(), false);
}

TEST(Report, BarsAreAsLongAsTheirValues) {
  const Report report{
      .title = "x",
      .facts = {},
      .metrics = {},
      .groups = {{.title = "g", .rows = {{"a", 100, 0}, {"b", 25, 0}, {"c", 250, 0}}, .line = {}}},
      .notes = {}};
  const std::string page = report_page("x", {&report, 1});
  std::vector<double> widths;
  for (size_t at = page.find("<rect"); at != std::string::npos; at = page.find("<rect", at + 1))
    widths.push_back(std::stod(page.substr(page.find("width=\"", at) + 7)));
  ASSERT_EQ(widths.size(), 3u);
  EXPECT_NEAR(widths[1] / widths[0], 0.25, 1e-3);
  EXPECT_EQ(widths[2], widths[0]);  // what leaves the axis is cut at its end
}

TEST(Report, Intervals) {
  const auto [low, high] =
      share_interval(50, 100);  // statsmodels: proportion_confint(50, 100, method="wilson")
  EXPECT_NEAR(low, 40.383153, 1e-5);
  EXPECT_NEAR(high, 59.616847, 1e-5);
  EXPECT_EQ(share_interval(0, 10).first, 0);
  EXPECT_NEAR(share_interval(0, 10).second, 27.753280, 1e-5);
}

TEST(Report, EntityTypesBecomeAPlot) {
  const TaskEvaluation ner{.task = "ner",
                           .examples = 7,
                           .loss = NAN,
                           .metrics = {{"f1", 0.5},
                                       {"f1_macro", 0.4},
                                       {"creative-work_precision", 0.1},
                                       {"creative-work_f1", 0.25},
                                       {"creative-work_number", 12}},
                           .groups = {},
                           .notes = {}};
  const Report report = report_of(ner);
  ASSERT_EQ(report.groups.size(), 1u);
  ASSERT_EQ(report.groups[0].rows.size(), 1u);
  EXPECT_EQ(report.groups[0].rows[0].name, "creative-work");
  EXPECT_EQ(report.groups[0].rows[0].value, 25);
  EXPECT_EQ(report.groups[0].rows[0].count, 12);
  ASSERT_EQ(report.metrics.size(), 3u);  // f1, f1_macro, examples
  EXPECT_EQ(report.metrics[0].first, "f1");
}

TEST(Report, SeveralTasks) {
  const std::vector<TaskEvaluation> tasks = {{.task = "rte",
                                              .examples = 10,
                                              .loss = 0,
                                              .metrics = {{"accuracy", 0.6}},
                                              .groups = {},
                                              .notes = {"cut"}},
                                             {.task = "squad",
                                              .examples = 5,
                                              .loss = 0,
                                              .metrics = {{"exact", 71.5}, {"f1", 80}},
                                              .groups = {},
                                              .notes = {}}};
  const Report report = report_of("GLUE", tasks);
  ASSERT_EQ(report.groups[0].rows.size(), 2u);
  EXPECT_EQ(report.groups[0].rows[0].value, 60);
  EXPECT_EQ(report.groups[0].rows[1].value, 71.5);
  EXPECT_EQ(report.metrics.size(), 3u);
  EXPECT_EQ(report.notes[0], "rte: cut");
}

TEST(Report, OfEachEvaluation) {
  BlimpEvaluation blimp;
  blimp.overall = {"overall", 4, 3};
  blimp.phenomena = {{"binding", 4, 3}};
  BlimpParadigm paradigm;
  paradigm.name = "principle_A", paradigm.pairs = 4, paradigm.correct = 3;
  blimp.paradigms = {paradigm};
  const Report of_blimp = report_of(blimp);
  EXPECT_EQ(of_blimp.metrics[0].second, 0.75);
  EXPECT_EQ(of_blimp.groups[0].rows[0].value, 75);
  EXPECT_EQ(of_blimp.groups[0].line, 50);
  CrowsPairsEvaluation crows;
  crows.overall = {"overall", 10, 6, 0};
  crows.categories = {{"age", 10, 6, 0}};
  const Report of_crows = report_of(crows);
  EXPECT_EQ(of_crows.metrics[0].second, 60);
  EXPECT_EQ(of_crows.groups[1].rows[0].name, "age");
  EXPECT_EQ(of_crows.groups[1].line, 50);
  MlmEvaluation mlm;
  mlm.loss = 2.5;
  EXPECT_EQ(report_of(mlm).metrics[0].second, 2.5);
}

}  // namespace
}  // namespace roberta
