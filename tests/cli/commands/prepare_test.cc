// roberta prepare and roberta inspect.

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string documents(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "the cat " + std::to_string(i) + " sat\nwith the dog\n\n";
  return text;
}

class Prepare : public ::testing::Test {
 protected:
  Result prepare(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), {"prepare", "--tokenizer", tokenizer_});
    return run(words, input);
  }
  json inspect(std::vector<std::string> words) {
    words.insert(words.begin(), {"inspect", "--format", "json"});
    const Result result = run(words);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? json::parse(result.out) : json();
  }

  Scratch scratch_;
  std::string tokenizer_ = make_tokenizer(scratch_);
  std::string out_ = scratch_.path("out");
};

TEST_F(Prepare, StandardInputAndNamedSets) {
  const std::string file = scratch_.file("a.jsonl", "{\"body\": \"a log\"}\n");
  const Result result = prepare(
      {"--output", out_, "--field", "body", "--held-out", "0", "--weights", "more=2.5", "-", "more=" + file},
      "the cat\n\nthe dog\n");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(contains(result.err, "text: 2 documents")) << result.err;
  const json corpus = inspect({out_, "--verify", "--samples", "2", "--packing", "complete_doc"});
  EXPECT_EQ(corpus["sets"][0]["name"], "text");
  EXPECT_EQ(corpus["sets"][1]["weight"], 2.5);
  EXPECT_EQ(corpus["verified"], true);
  EXPECT_EQ(corpus["samples_of_an_epoch"], 5) << "two documents, and one document 2.5 times";
  EXPECT_EQ(corpus["samples"].size(), 2u);
}

TEST_F(Prepare, RecipeOfSets) {
  scratch_.file("one.txt", "the cat\n");
  scratch_.file("two.txt", "the dog\n");
  const std::string recipe = scratch_.file(
      "recipe.yaml",
      "prepare:\n  tokenizer: " + tokenizer_ + "\n  output: " + out_ +
          "\n  boundary: fairseq\n  held_out: 0\n  sets:\n    books: " + scratch_.path("one.txt") +
          "\n    wiki:\n      paths: ['" + scratch_.path("tw*.txt") + "']\n      weight: 3\n");
  const Result plan = run({"prepare", "--config", recipe, "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_TRUE(contains(plan.out, "set wiki: weight 3.00, 1 files")) << plan.out;
  EXPECT_FALSE(std::filesystem::exists(out_));
  ASSERT_EQ(run({"prepare", "--config", recipe, "-q"}).code, 0);
  const json corpus = inspect({out_, "--samples", "4"});
  EXPECT_EQ(corpus["boundary"], "fairseq");
  EXPECT_EQ(corpus["sets"][1]["weight"], 3);
  EXPECT_EQ(corpus["samples"].size(), 4u);
  EXPECT_EQ(corpus["samples"][0]["ids"][0], 0);
  const std::string typo = scratch_.file("typo.yaml", "prepare:\n  sets:\n    wiki: {paths: x, wieght: 2}\n");
  const Result bad = run({"prepare", "--config", typo, "--tokenizer", tokenizer_, "--output", out_});
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(contains(bad.err, "did you mean 'weight'")) << bad.err;
}

TEST_F(Prepare, MasksOfEachEpoch) {
  const std::string file = scratch_.file("a.txt", documents(200));
  ASSERT_EQ(prepare({"--output", out_, "-q", file}).code, 0);
  const auto shown = [&](const std::string& epoch) {
    return inspect(
        {out_, "--samples", "3", "--length", "64", "--mask", "--seed", "7", "--epoch", epoch})["samples"];
  };
  EXPECT_EQ(shown("1"), shown("1"));
  EXPECT_NE(shown("1"), shown("2"));
  for (const json& sample : shown("1")) {
    EXPECT_TRUE(sample["chosen"].size() == 9 || sample["chosen"].size() == 10);  // floor(0.15 * 64 + u)
    for (const json& chosen : sample["chosen"])
      if (chosen["became"] == "<mask>") {
        EXPECT_EQ(sample["ids"][chosen["position"].get<size_t>()], 4);
      }
  }
  const Result text = run({"inspect", out_, "--samples", "1", "--mask", "--length", "32"});
  EXPECT_TRUE(contains(text.out, " -> ")) << text.out;
}

TEST_F(Prepare, KilledRunsResume) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += documents(20000 + i);
  const std::string file = scratch_.file("a.txt", text);
  const std::string command = "$R prepare -q --keep-duplicates --shard-size 1000000 --tokenizer " +
                              tokenizer_ + " " + file + " --output ";
  ASSERT_EQ(shell(command + out_ + "-whole").code, 0);
  // In the foreground: otherwise `timeout` kills itself too, and the next run may meet one that is still
  // dying.
  for (int i = 1; i <= 6; ++i)
    shell("timeout --foreground -s KILL 0." + std::to_string(i) + " " + command + out_);
  const Result last = shell("[ -f " + out_ + "/manifest.json ] || " + command + out_);
  ASSERT_EQ(last.code, 0) << last.err;
  const Result compared = shell("diff -r " + out_ + " " + out_ + "-whole");
  EXPECT_EQ(compared.code, 0) << compared.out;
}

TEST_F(Prepare, InvalidInputIsNamed) {
  const std::string file = scratch_.file("a.jsonl", "{\"text\": \"the cat\"}\n{\"text\": 3}\n");
  Result result = prepare({"--output", out_, file});
  EXPECT_EQ(result.code, 3);
  EXPECT_TRUE(contains(result.err, "a.jsonl:2")) << result.err;
  result = prepare({"--output", out_, "--overwrite", "--on-error", "skip", file});
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(contains(result.err, "a.jsonl:2") && contains(result.err, "1 lines skipped")) << result.err;
  EXPECT_EQ(prepare({"--output", out_, file}).code, 2) << "the output is in use";
  EXPECT_EQ(prepare({"--output", out_ + "2", scratch_.path("none.txt")}).code, 3);
  EXPECT_EQ(run({"prepare", "--tokenizer", scratch_.path("none"), "--output", out_ + "2", file}).code, 4);
  EXPECT_EQ(prepare({"--output", out_ + "2"}).code, 2);
  EXPECT_EQ(run({"inspect", out_ + "2"}).code, 3);
  std::filesystem::resize_file(out_ + "/text-00000.train.shard", 100);
  result = run({"inspect", out_});
  EXPECT_EQ(result.code, 3);
  EXPECT_TRUE(contains(result.err, "text-00000.train.shard")) << result.err;
}

}  // namespace
}  // namespace roberta::cli_test
