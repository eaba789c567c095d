// roberta plan: the report, its JSON, and errors. tests/deploy/plan_test.py compares the sums with processes.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

class PlanCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    model_ = make_model(*scratch_);
  }
  static void TearDownTestSuite() { delete scratch_; }
  static Result plan(std::vector<std::string> words) {
    words.insert(words.begin(), {"plan", "--model", model_, "--threads", "1"});
    return run(words);
  }

  static Scratch* scratch_;
  static std::string model_;
};
Scratch* PlanCommand::scratch_;
std::string PlanCommand::model_;

TEST_F(PlanCommand, TextHasComponentsSizesAndPublishedMinimum) {
  const Result result = plan({"--seq", "16", "--batch", "2"});
  ASSERT_EQ(result.code, 0) << result.err;
  for (const char* part :
       {"RobertaForMaskedLM", "serve, fill-mask", "  weights ", "  activations ", "  connections ", "disk ",
        "ms (2 texts of 16 tokens)", "requests/s", "1|0|2|1  (vCPU", "4|0|16|64", "Standard_F8s_v2",
        "fits, GPUs unused", "smallest that fits", "published minimum"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << "\n" << result.out;
  const Result evaluation = plan({"--mode", "evaluate", "--seq", "16", "--no-measure"});
  EXPECT_NE(evaluation.out.find("4|0|28|56"), std::string::npos) << evaluation.out;
  EXPECT_EQ(evaluation.out.find("requests/s"), std::string::npos) << evaluation.out;
  const Result training = plan({"--mode", "finetune", "--task", "ner", "--seq", "16", "--no-measure"});
  EXPECT_NE(training.out.find("4|1|28|64"), std::string::npos) << training.out;
  EXPECT_NE(training.out.find("RobertaForTokenClassification"), std::string::npos) << training.out;
}

TEST_F(PlanCommand, JsonAddsUp) {
  const Result result = plan({"--seq", "16", "--format", "json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = json::parse(result.out);
  for (const char* kind : {"memory", "disk"}) {
    int64_t sum = 0;
    for (const auto& [part, bytes] : answer[kind].items()) sum += bytes.get<int64_t>();
    EXPECT_EQ(answer[std::string(kind) + "_bytes"], sum);
  }
  EXPECT_EQ(answer["needs"]["spec"], "1|0|2|1");
  EXPECT_EQ(answer["card_least"]["spec"], "4|0|16|64");
  EXPECT_EQ(answer["smallest"], "Standard_E4s_v3");
  EXPECT_EQ(answer["skus"].size(), 41u);
  EXPECT_TRUE(answer["skus"][0]["fits"]);
  EXPECT_GT(answer["speed"]["seconds"], 0);
  EXPECT_TRUE(json::parse(plan({"--no-measure", "--seq", "16", "--format", "json"}).out)["speed"].is_null());
}

TEST_F(PlanCommand, ConfigIsEnough) {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path("shape"));
  std::filesystem::copy(model_ + "/config.json", scratch.path("shape") + "/config.json");
  const Result result = run({"plan", "--model", scratch.path("shape"), "--seq", "16", "--format", "json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = json::parse(result.out),
             whole = json::parse(plan({"--seq", "16", "--format", "json"}).out);
  EXPECT_FALSE(answer["has_weights"]);
  EXPECT_EQ(answer["memory"]["weights"], whole["memory"]["weights"]);
  EXPECT_EQ(answer["parameters"], whole["parameters"]);
}

TEST_F(PlanCommand, ErrorsNameOption) {
  EXPECT_EQ(run({"plan"}).code, 2);
  EXPECT_EQ(plan({"--seq", "31"}).code, 2);
  EXPECT_NE(plan({"--seq", "31"}).err.find("at most 30"), std::string::npos);
  EXPECT_EQ(plan({"--mode", "finetune", "--task", "fill-mask"}).code, 2);
  const Result rate = plan({"--rate", "5", "--no-measure"});
  EXPECT_EQ(rate.code, 2);
  EXPECT_NE(rate.err.find("--no-measure"), std::string::npos) << rate.err;
  EXPECT_EQ(run({"plan", "--model", "/absent"}).code, 4);
}

}  // namespace
}  // namespace roberta::cli_test
