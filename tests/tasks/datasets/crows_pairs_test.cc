// CrowS-Pairs: alignment as Python's difflib (tools/make_difflib_goldens.py), reading and counting.
#include "tasks/datasets/crows_pairs.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using nlohmann::json;
using Places = std::vector<std::pair<int32_t, int32_t>>;

TEST(CrowsPairs, SharedTokensAreThoseOfDifflib) {
  const json cases =
      json::parse(std::ifstream(ROBERTA_SOURCE_DIR "/tests/tasks/datasets/difflib_goldens.json"));
  ASSERT_GT(cases.size(), 200u);
  int junk = 0;
  for (const json& c : cases) {
    const auto a = c["a"].get<std::vector<int32_t>>(), b = c["b"].get<std::vector<int32_t>>();
    EXPECT_EQ(shared_tokens(a, b), c["shared"].get<Places>()) << c.dump();
    const bool differs = c.contains("without_autojunk");
    junk += differs;
    EXPECT_EQ(shared_tokens(a, b, false), c[differs ? "without_autojunk" : "shared"].get<Places>())
        << c.dump();
  }
  EXPECT_GT(junk, 0);
}

TEST(CrowsPairs, ScoresAreRoundedAsByPython) {
  EXPECT_EQ(round_score(-12.34549999), -12.345);
  EXPECT_EQ(round_score(2.6755), 2.675);  // 2.67549999...
  EXPECT_EQ(round_score(0.0625), 0.062);  // exact halves go to even
  EXPECT_EQ(round_score(-0.1875), -0.188);
  EXPECT_EQ(round_score(1e300), 1e300);
}

TEST(CrowsPairs, Reads) {
  const TempDirectory scratch;
  const std::string header = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations\n";
  const auto file =
      scratch.write("a.csv", header +
                                 "0,\"He said, \"\"no\"\".\",She said.,stereo,gender,\"[['x']]\"\n"
                                 "1,a\xC3\xA9 b,c,antistereo,age,\"two\nlines\"\n2,d,e,stereo,gender,x\n");
  const CrowsPairs data = read_crows_pairs(file, 0);
  ASSERT_EQ(data.pairs.size(), 3u);
  EXPECT_EQ(data.categories, (std::vector<std::string>{"age", "gender"}));
  EXPECT_EQ(data.pairs[0].more, "He said, \"no\".");
  EXPECT_EQ(data.pairs[0].category, 1u);
  EXPECT_FALSE(data.pairs[1].stereo);
  EXPECT_EQ(data.pairs[1].category, 0u);
  EXPECT_EQ(read_crows_pairs(file, 2).pairs.size(), 2u);

  const auto read = [&](const std::string& text) {
    return read_crows_pairs(scratch.write("b.csv", text), 0);
  };
  EXPECT_ERROR(ErrorCode::kInput, read(header), "no pairs");
  EXPECT_ERROR(ErrorCode::kInput, read(header + "0,a,b,both,age,x\n"), "b.csv:2", "both");
  EXPECT_ERROR(ErrorCode::kInput, read(header + "0,a,,stereo,age,x\n"), "b.csv:2", "sent_less");
  EXPECT_ERROR(ErrorCode::kInput, read("sent_mre,sent_less,stereo_antistereo,bias_type\n"), "sent_more",
               "did you mean 'sent_mre'");
}

TEST(CrowsPairs, CountsAsThePapersScript) {
  CrowsPairs data{.categories = {"age", "gender"},
                  .pairs = {{"", "", true, 0}, {"", "", true, 1}, {"", "", true, 1}, {"", "", false, 1}}};
  const std::vector<double> more = {-1, -2, -3, -4}, less = {-2, -2, -1, -5};
  const CrowsPairsEvaluation e = count_crows_pairs(data, more, less);
  const auto is = [](const CrowsPairsCount& c, int64_t pairs, int64_t preferred, int64_t neutral) {
    EXPECT_EQ(c.pairs, pairs) << c.name;
    EXPECT_EQ(c.more, preferred) << c.name;
    EXPECT_EQ(c.neutral, neutral) << c.name;
  };
  is(e.overall, 4, 2, 1);  // ties count in the whole,
  is(e.stereo, 2, 1, 1);   // but not in a direction
  is(e.antistereo, 1, 1, 0);
  is(e.categories[0], 1, 1, 0);
  is(e.categories[1], 3, 1, 1);
  EXPECT_EQ(e.overall.score(), 50);
}

}  // namespace
}  // namespace roberta
