#include "tasks/datasets/fill_mask_data.h"

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Words = std::vector<std::string>;

class FillMaskData : public testing::Test {
 protected:
  std::vector<FillMaskExample> read(const std::string& name, const std::string& text, int64_t limit = 0) {
    return read_fill_mask(scratch_.write(name, text), "input_string", "title", "<mask>", limit);
  }
  TempDirectory scratch_;
};

TEST_F(FillMaskData, WordsAreATextOrAList) {
  const auto rows = read("a.jsonl", R"({"input_string":"A <mask>.","title":" New York, NY "})"
                                    "\n\n"
                                    R"({"title":"one, two","input_string":"<mask> and <mask>","more":3})"
                                    "\n"
                                    R"({"input_string":"<mask> or <mask>","title":["only, one"]})"
                                    "\n"
                                    R"({"input_string":"<mask>?","title":""})"
                                    "\n");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].words, Words{"New York, NY"});  // one mask: commas belong to the word
  EXPECT_EQ(rows[1].words, (Words{"one", "two"}));
  EXPECT_EQ(rows[2].words, Words{"only, one"});
  EXPECT_EQ(rows[3].words, Words{""});
  EXPECT_NE(rows[1].location.find("a.jsonl:3"), std::string::npos);
}

TEST_F(FillMaskData, Csv) {
  const auto rows =
      read("a.csv", "id,title,input_string\n1,cat,\"The <mask>, asleep\"\n2,\"a,b\",<mask> <mask>\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].text, "The <mask>, asleep");
  EXPECT_EQ(rows[1].words, (Words{"a", "b"}));
  EXPECT_EQ(read("b.tsv", "input_string\ttitle\n<mask>\tx\n<mask>\ty\n", 1).size(), 1u);
}

TEST_F(FillMaskData, Errors) {
  EXPECT_ERROR(ErrorCode::kInput, read("a.jsonl", "{\"input_string\":\"none\",\"title\":\"x\"}\n"),
               "a.jsonl:1", "no <mask>");
  EXPECT_ERROR(ErrorCode::kInput, read("a.jsonl", "{\"input_string\":\"<mask>\",\"titel\":\"x\"}\n"),
               "a.jsonl:1", "no column 'title'", "did you mean 'titel'");
  EXPECT_ERROR(ErrorCode::kInput, read("a.jsonl", "{\"input_string\":\"<mask>\",\"title\":[\"a\",\"b\"]}\n"),
               "2 words for 1 masks");
  EXPECT_ERROR(ErrorCode::kInput, read("a.jsonl", "{\"input_string\":\"<mask>\",\"title\":3}\n"), "'title'");
  EXPECT_ERROR(ErrorCode::kInput, read("a.csv", "input_string,title\n<mask>,\"['a']\"\n"), "a.csv:2", "list");
  EXPECT_ERROR(ErrorCode::kInput, read("a.csv", "input_string,title\n"), "no rows");
  EXPECT_ERROR(ErrorCode::kInput, read("a.txt", "x\n"), ".jsonl");
}

}  // namespace
}  // namespace roberta
