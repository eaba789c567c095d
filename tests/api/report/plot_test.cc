// Loss curves: the numbers that are drawn, well-formed XML, and logs that can't be drawn.
#include "roberta/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "api/report/plot_curves.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Tags that open and close as they should, attributes in quotes, no bare '&'.
void expect_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<]*")*)\s*(/?)>)");
  size_t at = 0;
  const auto check_text = [&](size_t end) {
    const std::string text = xml.substr(at, end - at);
    EXPECT_EQ(text.find_first_of("<>"), std::string::npos) << text;
    static const std::regex bare("&(?!(amp|lt|gt|quot);)");
    EXPECT_FALSE(std::regex_search(text, bare)) << text;
  };
  for (std::sregex_iterator i(xml.begin(), xml.end(), tag), end; i != end; ++i) {
    check_text(static_cast<size_t>(i->position()));
    at = static_cast<size_t>(i->position() + i->length());
    const std::string name = (*i)[2];
    if ((*i)[1] == "/") {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    } else if ((*i)[4] != "/") {
      open.push_back(name);
    }
  }
  check_text(xml.size());
  EXPECT_TRUE(open.empty());
}

/// All matches of the first group.
std::vector<std::string> find_all(const std::string& text, const std::string& pattern) {
  std::vector<std::string> out;
  const std::regex expression(pattern);
  for (std::sregex_iterator i(text.begin(), text.end(), expression), end; i != end; ++i)
    out.push_back((*i)[1]);
  return out;
}

class PlotTest : public testing::Test {
 protected:
  fs::path log(const std::string& name, int steps, double factor = 1) {
    std::string rows;
    for (int n = 1; n <= steps; ++n) {
      rows +=
          json{{"step", n * 100}, {"loss", factor * (11 - n)}, {"tokens", n * 1000}, {"seconds", n * 3600}}
              .dump() +
          "\n";
      if (n % 5 == 0) rows += json{{"step", n * 100}, {"validation_loss", factor * (11.5 - n)}}.dump() + "\n";
    }
    return scratch_.write(name, rows);
  }
  std::string plot(std::vector<fs::path> logs, const PlotOptions& options = {}) {
    return plot_losses(logs, options);
  }
  /// The numbers of the page's script.
  static json data(const std::string& page) {
    const std::string begin = "const plot = ";
    const size_t at = page.find(begin) + begin.size();
    return json::parse(page.substr(at, page.find(";\n", at) - at));
  }
  TempDirectory scratch_;
};

TEST_F(PlotTest, SvgHasTheCurves) {
  const std::string svg =
      plot({log("a.jsonl", 10), log("b & <c>.jsonl", 6, 0.5)}, {.smooth = 0, .title = "1 < 2"});
  expect_well_formed(svg);
  EXPECT_NE(svg.find("1 &lt; 2"), std::string::npos);
  EXPECT_NE(svg.find("b &amp; &lt;c&gt;: training 2.500, held out 3.250"), std::string::npos);
  const std::vector<std::string> lines = find_all(svg, "<polyline[^>]* points=\"([^\"]*)\"");
  ASSERT_EQ(lines.size(), 3u);  // two of training; of a's two held-out points; b has one, a circle
  EXPECT_EQ(std::count(lines[0].begin(), lines[0].end(), ','), 10);
  EXPECT_EQ(std::count(lines[1].begin(), lines[1].end(), ','), 2);
  EXPECT_EQ(std::count(lines[2].begin(), lines[2].end(), ','), 6);
  EXPECT_EQ(find_all(svg, "(<circle)").size(), 3u);
  // Steps 100 .. 1000 over an axis from 0: the last point is at the right end, the first a tenth in.
  double x0, y0, x9, y9;
  ASSERT_EQ(std::sscanf(lines[0].c_str(), "%lf,%lf", &x0, &y0), 2);
  ASSERT_EQ(std::sscanf(lines[0].substr(lines[0].rfind(' ')).c_str(), "%lf,%lf", &x9, &y9), 2);
  EXPECT_NEAR(x0, 70 + 86, 0.1);
  EXPECT_NEAR(x9, 70 + 860, 0.1);
  EXPECT_GT(y9, y0);  // lower losses stand lower
  // Of the same loss, the same height: a's 6 nats are its held-out 6.5 less half a nat.
  EXPECT_NE(svg.find("held out, step 500: 6.5000 nats"), std::string::npos);
}

TEST_F(PlotTest, PageHoldsThePoints) {
  const std::string page =
      plot({log("<script>.jsonl", 10)}, {.x = PlotAxis::kTokens, .smooth = 0, .html = true});
  EXPECT_EQ(find_all(page, "(<script>)").size(), 1u);
  EXPECT_EQ(page.find("http", page.find("</svg>")),
            page.find("http://www.w3.org/2000/svg", page.find("</svg>")));
  const json all = data(page);
  EXPECT_EQ(all["x"]["name"], "tokens");
  EXPECT_EQ(all["curves"][0]["training"][3], (json{4000.0, 7.0}));
  EXPECT_EQ(all["curves"][0]["validation"], (json{{5000.0, 6.5}, {10000.0, 1.5}}));
}

TEST_F(PlotTest, TimeIsInHoursAndLimitsAreKept) {
  const json all =
      data(plot({log("a.jsonl", 10)}, {.x = PlotAxis::kTime, .y_min = 1, .y_max = 4, .html = true}));
  EXPECT_EQ(all["x"]["name"], "hours");
  EXPECT_EQ(all["curves"][0]["training"].back()[0], 10.0);
  EXPECT_EQ(all["y"]["low"], 1);
  EXPECT_EQ(all["y"]["high"], 4);
}

TEST_F(PlotTest, FoldersAndHalfLines) {
  fs::create_directory(scratch_ / "run-7");
  const std::string text = read_all(log("a.jsonl", 3));
  scratch_.write("run-7/log.jsonl", text + "{\"step\":9,\"lo");
  const std::string svg = plot({scratch_ / "run-7"});
  EXPECT_NE(svg.find("run-7: training"), std::string::npos);
}

TEST_F(PlotTest, Refusals) {
  const fs::path good = log("a.jsonl", 3);
  EXPECT_ERROR(ErrorCode::kInput, plot({scratch_.write("b.jsonl", "{}\nno\n{}\n")}), "b.jsonl:2");
  EXPECT_ERROR(ErrorCode::kInput, plot({scratch_.write("c.jsonl", "{\"step\":1}\n")}), "c.jsonl", "'loss'");
  EXPECT_ERROR(ErrorCode::kInput, plot({scratch_ / "none"}), "none");
  EXPECT_ERROR(ErrorCode::kInput,
               plot({scratch_.write("d.jsonl", "{\"step\":1,\"loss\":2}\n")}, {.x = PlotAxis::kTokens}),
               "d:", "'tokens'");
  EXPECT_ERROR(ErrorCode::kUsage, plot({good}, {.smooth = 1}), "smooth");
  EXPECT_ERROR(ErrorCode::kUsage, plot({good}, {.y_min = 3, .y_max = 2}), "empty");
  EXPECT_NO_THROW(plot({scratch_.write("one.jsonl", "{\"step\":1,\"loss\":2}\n")}));
}

TEST(PlotCurves, SmoothingDoesNotLag) {
  std::vector<PlotPoint> line, constant, spike(9, {0, 0});
  for (int i = 0; i < 200; ++i) line.push_back({double(i), 2.0 * i}), constant.push_back({double(i), 3});
  EXPECT_NEAR(smooth(line, 0.9)[100].y, 200, 1e-2);
  for (const PlotPoint& p : smooth(constant, 0.9)) EXPECT_NEAR(p.y, 3, 1e-12);
  spike[4].y = 1;
  const std::vector<PlotPoint> smoothed = smooth(spike, 0.5);
  EXPECT_NEAR(smoothed[3].y, smoothed[5].y, 1e-12);
  EXPECT_NEAR(smoothed[4].y, 1 / (1 + 2 * (0.5 + 0.25 + 0.125 + 0.0625)), 1e-12);
}

TEST(PlotCurves, ThinningKeepsWhatShows) {
  std::vector<PlotPoint> many;
  for (int i = 0; i < 100000; ++i) many.push_back({double(i), std::sin(i * 0.01)});
  many[34567].y = 9;
  const std::vector<PlotPoint> few = thin_out(many, 100);
  EXPECT_LE(few.size(), 404u);
  EXPECT_EQ(few.front().x, 0);
  EXPECT_EQ(few.back().x, 99999);
  EXPECT_TRUE(std::any_of(few.begin(), few.end(), [](PlotPoint p) { return p.y == 9; }));
  EXPECT_TRUE(std::is_sorted(few.begin(), few.end(), [](PlotPoint a, PlotPoint b) { return a.x < b.x; }));
}

TEST(PlotCurves, TicksAreRound) {
  EXPECT_EQ(ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(ticks(-0.1, 1, 4), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(ticks(3.1, 4.05, 5).size(), 5u);  // 3.2 .. 4
}

}  // namespace
}  // namespace roberta
