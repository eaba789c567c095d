// roberta pretrain: recipes, errors and signals.

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

const std::string kRecipe =
    "model:\n  hidden_size: 32\n  num_hidden_layers: 2\nbatch:\n  stages: [32x8@20, 64x4@30]\n"
    "optimizer:\n  learning_rate: 1e-3\n";

TEST(PretrainCommand, RecipesInConfigsAreValid) {
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROBERTA_SOURCE_DIR) + "/configs")) {
    const Result result = run({"config", "show", "--json", "pretrain", "--config", entry.path().string()});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_NE(result.out.find("\"origin\":\"file\""), std::string::npos);
  }
}

TEST(PretrainCommand, FlagsAndSetOverrideRecipe) {
  Scratch scratch;
  const Result result =
      run({"config", "show", "--json", "pretrain", "--config", scratch.file("r.yaml", kRecipe), "--set",
           "optimizer.learning_rate=2e-3", "--set=hidden_size=64", "--mask-prob", "0.3"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["learning-rate"]["value"], 2e-3);
  EXPECT_EQ(json["learning-rate"]["origin"], "flag");
  EXPECT_EQ(json["hidden-size"]["value"], 64);
  EXPECT_EQ(json["num-hidden-layers"]["value"], 2);
  EXPECT_EQ(json["stages"]["value"], "32x8@20,64x4@30");
  EXPECT_EQ(json["mask-prob"]["value"], 0.3);
}

TEST(PretrainCommand, TyposAreReportedWithLine) {
  Scratch scratch;
  const auto error = [&](const std::string& recipe, std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"pretrain", "--dry-run", "--config", scratch.file("r.yaml", recipe)});
    const Result result = run(words);
    EXPECT_EQ(result.code, 2);
    return result.err;
  };
  EXPECT_NE(error("optimizer:\n  learning_rte: 1\n")
                .find("r.yaml:2: unknown key 'learning_rte' in 'Optimizer:', "
                      "did you mean 'learning-rate'?"),
            std::string::npos);
  EXPECT_NE(error("optimiser:\n  learning_rate: 1\n").find("did you mean 'optimizer'?"), std::string::npos);
  EXPECT_NE(error("batch:\n  stages: [32x8]\n").find("LENGTHxSAMPLES@STEP"), std::string::npos);
  EXPECT_NE(error(kRecipe, {"--set", "batch.learning_rate=1"})
                .find("'learning-rate' is not in the section 'batch'"),
            std::string::npos);
  EXPECT_NE(error(kRecipe, {"--set", "optimiser.learning_rate=1"}).find("did you mean 'optimizer'?"),
            std::string::npos);
  EXPECT_NE(error(kRecipe, {"--set", "optimizer.lerning_rate=1"}).find("did you mean '--learning-rate'?"),
            std::string::npos);
  EXPECT_NE(error("model:\n  hidden_size: 32\n").find("--max-steps"), std::string::npos);
}

TEST(PretrainCommand, DryRunReportsSizesAndTime) {
  Scratch scratch;
  const Result result = run({"pretrain", "--dry-run", "--format", "json", "--vocab-size", "300", "--config",
                             scratch.file("r.yaml", kRecipe)});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["steps"], 30);
  EXPECT_EQ(json["tokens"], 20 * 8 * 32 + 10 * 4 * 64);
  EXPECT_GT(json["seconds"], 0);
  EXPECT_GT(json["bytes"]["activations"], 0);
}

class PretrainRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    std::string text;
    for (int i = 0; i < 300; ++i) text += "This is document " + std::to_string(i) + " of three hundred.\n\n";
    const std::string model = make_model(*scratch_);
    const Result result = run({"prepare", "--tokenizer", model, "--output", scratch_->path("corpus"),
                               scratch_->file("text.txt", text)});
    ASSERT_EQ(result.code, 0) << result.err;
  }
  static void TearDownTestSuite() { delete scratch_; }
  static std::vector<std::string> words(const std::string& output) {
    return {"pretrain",
            "--data",
            scratch_->path("corpus"),
            "--output",
            scratch_->path(output),
            "--config",
            scratch_->file("r.yaml", kRecipe)};
  }
  static Scratch* scratch_;
};
Scratch* PretrainRun::scratch_;

TEST_F(PretrainRun, TrainsAndLogsProgress) {
  const Result result = run(words("run"));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("step 30/30  loss "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("saved "), std::string::npos);
  EXPECT_EQ(run({"info", scratch_->path("run/checkpoint-30")}).code, 0);
}

TEST_F(PretrainRun, SignalSavesAndStops) {
  for (const auto& [signal, code] : {std::pair(SIGTERM, 143), std::pair(SIGINT, 130)}) {
    const std::string output = "stopped" + std::to_string(signal);
    std::vector<std::string> long_run = words(output);
    long_run.insert(long_run.end(), {"--set", "stages=32x8@1000000", "--logging-steps", "1"});
    Process process(long_run);
    const std::string log = scratch_->path(output + "/log.jsonl");
    ASSERT_TRUE(wait_for([&] { return read_file(log).size() >= 10; }));
    process.signal(signal);
    EXPECT_EQ(process.wait(), code);
    bool saved = false;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_->path(output)))
      saved |= entry.path().filename().string().starts_with("checkpoint-");
    EXPECT_TRUE(saved);
  }
}

}  // namespace
}  // namespace roberta::cli_test
