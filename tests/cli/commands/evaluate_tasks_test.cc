// roberta evaluate glue, classification, ner, squad: output and files.

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/api/pipelines/random_classifier.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class EvaluateTasksCommand : public ::testing::Test {
 protected:
  std::string model(HeadKind head, const std::vector<std::string>& labels) {
    return make_classifier(scratch_, "model", head, labels).string();
  }
  static Result evaluate(std::vector<std::string> words) {
    words.insert(words.begin(), "evaluate");
    return run(words);
  }
  static json answer(std::vector<std::string> words) {
    words.insert(words.end(), {"--format", "json"});
    const Result result = evaluate(words);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out);
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  TempDirectory scratch_;
};

TEST_F(EvaluateTasksCommand, GlueTaskOfAModel) {
  const std::string two = model(HeadKind::kSequenceClassification, {"0", "1"});
  const std::string file = scratch_.write("dev.tsv", "sentence\tlabel\nthe cat\t1\na dog\t0\nRome\t1\n");
  const json result = answer({"glue", "--task", "SST-2", "--model", two, file});
  EXPECT_EQ(result["task"], "sst2");
  EXPECT_EQ(result["examples"], 3);
  EXPECT_EQ(result["metrics"].size(), 1u);
  EXPECT_EQ(answer({"glue", "--task", "sst2", "--model", two, scratch_.path()}), result);
  EXPECT_TRUE(has(evaluate({"glue", "--task", "sst2", "--model", two, file}).out, "accuracy"));
  const json rows = answer(
      {"classification", "--text", "sentence", "--model", two, file, "--predictions", scratch_ / "p.jsonl"});
  EXPECT_EQ(rows["metrics"]["accuracy"], result["metrics"]["accuracy"]);
  EXPECT_TRUE(rows["metrics"].contains("f1_macro"));
  EXPECT_EQ(read_all(scratch_ / "p.jsonl").rfind("{\"line\":2,\"label\":\"1\",\"prediction\":", 0), 0u);
  EXPECT_EQ(evaluate({"glue", "--model", two, file}).code, 2);  // no task
  EXPECT_EQ(evaluate({"glue", "--task", "sst3", "--model", two, file}).code, 2);
  EXPECT_EQ(evaluate({"ner", "--model", two, file}).code, 4);  // another head
  EXPECT_EQ(evaluate({"classification", "--label", "x", "--model", two, file}).code, 3);
}

TEST_F(EvaluateTasksCommand, MnliHasTwoDevSets) {
  const std::string three =
      model(HeadKind::kSequenceClassification, {"entailment", "neutral", "contradiction"});
  for (const char* name : {"dev_matched.tsv", "dev_mismatched.tsv"})
    scratch_.write(name, "sentence1\tsentence2\tgold_label\nthe cat\ta cat\tneutral\n");
  const json result = answer({"glue", "--task", "mnli", "--model", three, scratch_.path()});
  EXPECT_EQ(result["mnli"]["metrics"], result["mnli-mm"]["metrics"]);
  const std::string page = scratch_ / "page.html";
  EXPECT_TRUE(has(evaluate({"glue", "--task", "mnli", "--model", three, scratch_.path(), "--html", page}).out,
                  "mnli-mm\n"));
  EXPECT_TRUE(has(read_all(page), "mnli-mm"));
}

TEST_F(EvaluateTasksCommand, GlueRunsNeedNoModel) {
  for (const char* task : {"rte", "cola"}) {
    const fs::path folder = scratch_ / (std::string("runs/") + task);
    fs::create_directories(folder);
    const char* metric = task[0] == 'r' ? "accuracy" : "mcc";
    std::ofstream(folder / "metrics.json") << json{{"task", task},
                                                   {"best",
                                                    {{{"seed", 1}, {"metrics", {{metric, 0.5}}}},
                                                     {{"seed", 2}, {"metrics", {{metric, 0.625}}}},
                                                     {{"seed", 3}, {"metrics", {{metric, 0.75}}}}}}};
  }
  const std::string runs = scratch_ / "runs";
  const json table = answer({"glue", "--runs", runs});
  EXPECT_EQ(table["tasks"]["rte"]["metrics"]["accuracy"]["median"], 0.625);
  EXPECT_EQ(table["tasks"]["cola"]["runs"], 3);
  EXPECT_EQ(table["average"], 0.625);
  const std::string page = scratch_ / "page.html";
  const Result text = evaluate({"glue", "--runs", runs, "--html", page});
  EXPECT_TRUE(has(
      text.out,
      "           CoLA   RTE  average of 2\nmedian     62.5  62.5          62.5\ndeviation  12.5  12.5\n"))
      << text.out;
  EXPECT_TRUE(has(read_all(page), "RTE"));
  EXPECT_EQ(evaluate({"glue", "--runs", runs, "file"}).code, 2);
  EXPECT_EQ(evaluate({"glue"}).code, 2);
  EXPECT_EQ(evaluate({"glue", "--runs", scratch_ / "none"}).code, 3);
}

TEST_F(EvaluateTasksCommand, TagsOfModelOrFile) {
  const std::string tagger = model(HeadKind::kTokenClassification, {"O", "B-x", "I-x"});
  const std::string file = scratch_.write("dev.conll", "the O\ncat B-x\n\nRome B-x\nsat I-x\n");
  const json result = answer({"ner", "--model", tagger, file});
  EXPECT_EQ(result["examples"], 2);
  EXPECT_EQ(result["metrics"]["x_number"], 2);
  const std::string columns =
      scratch_.write("predicted.txt", "the O O\ncat B-x I-x\n\nRome B-x B-x\nsat I-x O\n");
  const json scored = answer({"ner", "--two-tags", columns});
  EXPECT_EQ(scored["metrics"]["f1"], 0.5);
  EXPECT_EQ(scored["metrics"]["accuracy"], 0.5);
  EXPECT_TRUE(scored["loss"].is_null());
  EXPECT_FALSE(has(evaluate({"ner", "--two-tags", columns}).out, "loss"));
  const Result bad = evaluate({"ner", "--two-tags", file});
  EXPECT_EQ(bad.code, 3);
  EXPECT_TRUE(has(bad.err, "dev.conll:1")) << bad.err;
}

TEST_F(EvaluateTasksCommand, AnswersOfModelOrFile) {
  const std::string answers = model(HeadKind::kQuestionAnswering, {});
  const std::string file = scratch_.write(
      "dev.json",
      R"({"data":[{"title":"t","paragraphs":[{"context":"the cat sat on the mat","qas":[)"
      R"({"id":"a","question":"the cat","answers":[{"text":"the mat","answer_start":15}],"is_impossible":false},)"
      R"({"id":"b","question":"the dog","answers":[],"is_impossible":true}]}]}]})");
  const std::string predictions = scratch_ / "eval_predictions.json";
  const json result = answer({"squad", "--model", answers, file, "--predictions", predictions});
  EXPECT_EQ(result["task"], "squad_v2");
  EXPECT_EQ(result["metrics"]["total"], 2);
  EXPECT_TRUE(fs::exists(scratch_ / "eval_nbest_predictions.json"));
  EXPECT_EQ(json::parse(read_all(scratch_ / "eval_null_odds.json")).size(), 2u);
  json scored = answer(
      {"squad", file, "--predictions-in", predictions, "--null-odds-in", scratch_ / "eval_null_odds.json"});
  EXPECT_EQ(scored["metrics"], result["metrics"]);
  const std::string mine = scratch_.write("mine.json", R"({"a":"mat!","b":""})");
  scored = answer({"squad", file, "--predictions-in", mine});
  EXPECT_EQ(scored["metrics"]["exact"], 100);
  EXPECT_FALSE(scored["metrics"].contains("best_f1"));
  EXPECT_EQ(evaluate({"squad", file, "--null-odds-in", predictions, "--model", answers}).code, 2);
  EXPECT_EQ(evaluate({"squad", file}).code, 2);  // neither a model nor predictions
}

}  // namespace
}  // namespace roberta::cli_test
