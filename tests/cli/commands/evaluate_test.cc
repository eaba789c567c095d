// roberta evaluate: output, and errors for invalid arguments.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

class EvaluateCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    model_ = make_model(*scratch_);
  }
  static void TearDownTestSuite() { delete scratch_; }
  static Result evaluate(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin() + (words.empty() ? 0 : 1), {"--model", model_});
    words.insert(words.begin(), "evaluate");
    return run(words, input);
  }
  static Scratch* scratch_;
  static std::string model_;
};
Scratch* EvaluateCommand::scratch_;
std::string EvaluateCommand::model_;

TEST_F(EvaluateCommand, MlmReportsLossInAllUnits) {
  const std::string dump = scratch_->path("dump.jsonl");
  const Result result = evaluate({"mlm", "--format", "json", "--dump", dump}, kCorpus);
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer.size(), 4u);
  EXPECT_NEAR(answer["bits"].get<double>(), answer["loss"].get<double>() / std::log(2.0), 1e-9);
  EXPECT_NEAR(answer["perplexity"].get<double>() / std::exp(answer["loss"].get<double>()), 1, 1e-9);
  std::istringstream rows(read_file(dump));
  double sum = 0;
  int64_t masked = 0;
  for (std::string line; std::getline(rows, line);) {
    const json row = json::parse(line);
    EXPECT_EQ(row["positions"].size(), row["log_probs"].size());
    EXPECT_EQ(row["positions"].size(), row["targets"].size());
    for (const json& x : row["log_probs"]) sum -= x.get<double>(), ++masked;
  }
  EXPECT_EQ(answer["masked_tokens"], masked);
  EXPECT_NEAR(answer["loss"].get<double>(), sum / static_cast<double>(masked), 1e-6);
  // A file gives the same result as standard input, and text the same as JSON.
  const Result text = evaluate({"mlm", scratch_->file("a.txt", kCorpus)});
  EXPECT_EQ(text.out.rfind("loss ", 0), 0u) << text.out;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4f nats", answer["loss"].get<double>());
  EXPECT_NE(text.out.find(digits), std::string::npos) << text.out;
}

TEST_F(EvaluateCommand, BlimpReports) {
  const std::string row =
      R"({"sentence_good":"the cat sat","sentence_bad":"cat the sat","UID":"order","linguistics_term":"words"})";
  const std::string file = scratch_->file("order.jsonl", row + "\n");
  const json answer = json::parse(evaluate({"blimp", "--format", "json", file}).out);
  EXPECT_EQ(answer["pairs"], 1);
  EXPECT_EQ(answer["phenomena"]["words"]["pairs"], 1);
  EXPECT_EQ(answer["paradigms"]["order"]["phenomenon"], "words");
  EXPECT_EQ(answer["paradigms"]["order"]["accuracy"], answer["accuracy"]);
  const Result text = evaluate({"blimp", file});
  EXPECT_NE(text.out.find("overall"), std::string::npos);
}

TEST_F(EvaluateCommand, InvalidArguments) {
  EXPECT_EQ(evaluate({"blmp", "x"}).code, 2);
  EXPECT_NE(evaluate({"blmp", "x"}).err.find("did you mean 'blimp'"), std::string::npos);
  EXPECT_EQ(evaluate({"blimp"}).code, 2);
  EXPECT_EQ(evaluate({"blimp", "/nonexistent"}).code, 3);
  EXPECT_EQ(evaluate({"mlm", "/nonexistent"}).code, 3);
  EXPECT_EQ(evaluate({"mlm", "--mask-prob", "2"}, kCorpus).code, 2);
  EXPECT_EQ(evaluate({"mlm", "--dump", "/nonexistent/dump"}, kCorpus).code, 6);
}

}  // namespace
}  // namespace roberta::cli_test
