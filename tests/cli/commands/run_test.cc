// roberta run: job files with native and Azure ML keys, the files they write, and errors.

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

const char kRows[] =
    "{\"input_string\":\"the <mask> sat\",\"title\":\"cat\"}\n{\"input_string\":\"<mask> and "
    "<mask>\",\"title\":[\"a\","
    "\"dog\"]}\n";
const char kPairs[] =
    "sent_more,sent_less,stereo_antistereo,bias_type\nthe cat sat,the dog sat,stereo,age\nthe dog and the "
    "log,the cat "
    "and the log,antistereo,gender\n";

class RunCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    model_ = make_model(*scratch_);
    rows_ = scratch_->file("rows.jsonl", kRows);
    pairs_ = scratch_->file("pairs.csv", kPairs);
  }
  static void TearDownTestSuite() { delete scratch_; }
  static Result job(const std::string& text, std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"run", scratch_->file("job.yml", text)});
    return run(words);
  }
  static json read_json(const std::string& name) { return json::parse(read_file(scratch_->path(name))); }
  static Scratch* scratch_;
  static std::string model_, rows_, pairs_;
};
Scratch* RunCommand::scratch_;
std::string RunCommand::model_, RunCommand::rows_, RunCommand::pairs_;

TEST_F(RunCommand, OneJob) {
  const std::string out = scratch_->path("one");
  const Result result =
      job("task: fill-mask\nmodel: model\ndata: rows.jsonl\ncolumns: {input_string: input_string, "
          "title: title}\nmetrics: [mrr, accuracy]\noutput: " +
          out + "\nlimit: 1\n");
  ASSERT_EQ(result.code, 0) << result.err;
  const json metrics = read_json("one/metrics.json");
  EXPECT_EQ(metrics["task"], "fill-mask");
  ASSERT_EQ(metrics["metrics"].size(), 2u) << metrics;
  EXPECT_TRUE(metrics["metrics"].contains("accuracy_at_1"));
  EXPECT_EQ(metrics["metrics"]["mrr"], metrics["result"]["metrics"]["mrr"]);
  EXPECT_EQ(metrics["result"]["examples"], 1);
  EXPECT_EQ(json::parse(read_file(out + "/predictions.jsonl"))["masks"][0]["word"], "cat");
  EXPECT_NE(read_file(out + "/report.html").find("<svg"), std::string::npos);
  EXPECT_NE(result.out.find("mrr"), std::string::npos);
  // The job file that was written gives the same result.
  const Result again = run({"run", out + "/job.yml", "--output", scratch_->path("again")});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(read_json("again/metrics.json")["result"], metrics["result"]);
}

TEST_F(RunCommand, JobsInheritTopLevelKeys) {
  const std::string out = scratch_->path("two");
  const Result result = job("model: model\ndtype: bf16\noutput: " + out +
                            "\njobs:\n  words: {task: fill-mask, data: rows.jsonl}\n  bias:\n    task: "
                            "crows-pairs\n    data: [pairs.csv]\n    dtype: f32\n    report: " +
                            out + "/bias.json\n");
  ASSERT_EQ(result.code, 0) << result.err;
  const json metrics = read_json("two/metrics.json");
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics["words"]["facts"]["precision"], "bfloat16");
  EXPECT_EQ(metrics["bias"]["facts"]["precision"], "float32");
  EXPECT_EQ(metrics["bias"]["result"]["overall"]["pairs"], 2);
  EXPECT_EQ(read_json("two/bias/metrics.json"), metrics["bias"]);
  EXPECT_EQ(read_json("two/bias.json")["overall"]["pairs"], 2);
  EXPECT_NE(read_file(out + "/words/predictions.jsonl"), "");
  const std::string page = read_file(out + "/report.html");
  EXPECT_NE(page.find("bias: CrowS-Pairs"), std::string::npos);
  EXPECT_NE(page.find("no preference"), std::string::npos);
  // --set for all jobs and for one.
  const Result dry =
      job(read_file(scratch_->path("job.yml")), {"--dry-run", "--set", "limit=1", "--set", "words.seed=7"});
  ASSERT_EQ(dry.code, 0) << dry.err;
  const size_t bias = dry.out.find("bias");
  EXPECT_NE(dry.out.find("limit: '1'", bias), std::string::npos) << dry.out;
  EXPECT_LT(dry.out.find("seed: '7'"), bias);
  EXPECT_EQ(dry.out.find("seed: '7'", bias), std::string::npos);
}

TEST_F(RunCommand, AzurePipeline) {
  scratch_->file("config.json",
                 R"({"metrics":["perplexities","rouge"],"add_start_token":true,"model_id":"gpt2"})");
  const std::string pipeline =
      "$schema: https://example.org/pipelineJob.schema.json\ntype: pipeline\nexperiment_name: e\ncompute: "
      "gpu-cluster\n"
      "inputs:\n  words: {type: uri_file, path: rows.jsonl}\njobs:\n  prepare:\n    type: command\n    "
      "command: python "
      "x.py\n  evaluation:\n    type: pipeline\n    component: azureml://registries/azureml/components/x\n   "
      " inputs:\n  "
      "    task: fill-mask\n      test_data: ${{parent.inputs.words}}\n      mlflow_model:\n        path: "
      "model\n        "
      "type: mlflow_model\n      input_column_names: input_string\n      label_column_name: title\n      "
      "device: gpu\n   "
      "   evaluation_config:\n        path: config.json\n        type: uri_file\n    outputs:\n      "
      "evaluation_result: "
      "{type: uri_folder, path: " +
      scratch_->path("azure") + "}\n";
  const Result result = job(pipeline);
  ASSERT_EQ(result.code, 0) << result.err;
  const json metrics = read_json("azure/metrics.json");
  ASSERT_EQ(metrics["metrics"].size(), 1u) << metrics;
  EXPECT_TRUE(metrics["metrics"].contains("perplexity"));
  EXPECT_EQ(metrics["result"]["metrics"]["masks"], 3);
  for (const char* warning : {"'prepare'", "'rouge'", "'add_start_token'", "'model_id'", "'gpu'"})
    EXPECT_NE(result.err.find(warning), std::string::npos) << warning << "\n" << result.err;
  // A step that is not run, and a model that is not local.
  std::string other = pipeline;
  other.replace(other.find("${{parent.inputs.words}}"), 24, "${{parent.jobs.prepare.outputs.x}}");
  EXPECT_NE(job(other).err.find("another step"), std::string::npos);
  EXPECT_EQ(job(other, {"--set", "test_data=" + rows_}).code, 0);
  other = pipeline;
  other.replace(other.find("path: model"), 11,
                "path: azureml://registries/azureml/models/roberta-large/versions/18");
  const Result absent = job(other);
  EXPECT_EQ(absent.code, 2);
  EXPECT_NE(absent.err.find("job.yml:17: mlflow_model"), std::string::npos) << absent.err;
}

TEST_F(RunCommand, Errors) {
  const std::string good =
      "task: fill-mask\nmodel: model\ndata: rows.jsonl\noutput: " + scratch_->path("bad") + "\n";
  const auto rejected = [&](const std::string& text, std::vector<std::string> parts) {
    const Result result = job(text);
    EXPECT_EQ(result.code, 2) << text << result.err;
    for (const std::string& part : parts)
      EXPECT_NE(result.err.find(part), std::string::npos) << part << "\n" << result.err;
  };
  rejected(good + "dtyp: bf16\n", {"job.yml:5: dtyp", "did you mean 'dtype'"});
  rejected(good + "columns: {titel: x}\n", {"job.yml:5: titel", "did you mean 'title'"});
  rejected(good + "metrics: [mmr]\n", {"job.yml:5", "'mmr'", "did you mean 'mrr'"});
  rejected(good + "html: x.html\n", {"job.yml:5: html", "'output:'"});
  rejected(good + "limit: many\n", {"job.yml:5: limit", "is not an integer"});
  rejected(good + "jobs: 3\n", {"job.yml:5", "'jobs:'"});
  rejected("task: fil-mask\nmodel: model\noutput: x\n", {"job.yml:1: task", "did you mean 'fill-mask'"});
  rejected("task: fill-mask\nmodel: model\ndata: none.jsonl\noutput: x\n", {"job.yml:3: data", "none.jsonl"});
  rejected("task: fill-mask\nmodel: model\ndata: rows.jsonl\n", {"'output:'"});
  rejected("task: fill-mask\ndata: rows.jsonl\noutput: x\n", {"--model"});
  rejected("model: model\n", {"'task:'"});
  rejected("a: [", {"invalid YAML"});
  rejected("- a\n", {"'name: value'"});
  EXPECT_EQ(run({"run", "/nonexistent.yml"}).code, 2);
  EXPECT_NE(run({"run", "/nonexistent.yml"}).err.find("job file /nonexistent.yml"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(scratch_->path("bad")));
}

TEST_F(RunCommand, AnotherCommand) {
  scratch_->file("corpus.txt", kCorpus);
  const std::string out = scratch_->path("corpus");
  const Result result =
      job("command: prepare\ntokenizer: " + model_ + "\ndata: corpus.txt\noutput: " + out + "\n");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(out + "/manifest.json"));
  const Result unknown = job("command: prepare\ntokeniser: model\n");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("job.yml:2: tokeniser"), std::string::npos) << unknown.err;
  EXPECT_NE(unknown.err.find("did you mean 'tokenizer'"), std::string::npos) << unknown.err;
}

TEST_F(RunCommand, EvaluateWritesPagesAndTheCard) {
  const std::string page = scratch_->path("page.html");
  ASSERT_EQ(run({"evaluate", "fill-mask", "--model", model_, "--html", page, rows_}).code, 0);
  EXPECT_NE(read_file(page).find("accuracy_at_1"), std::string::npos);
  const Result text = run({"evaluate", "crows-pairs", "--model", model_, "--update-card", pairs_});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("overall"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("gender"), std::string::npos);
  EXPECT_NE(read_file(model_ + "/README.md").find("## Bias"), std::string::npos);
  const Result info = run({"info", model_});
  EXPECT_NE(info.out.find("CrowS-Pairs"), std::string::npos) << info.out;
  EXPECT_EQ(json::parse(run({"info", model_, "--format", "json"}).out)["bias"]["overall"]["pairs"], 2);
  std::filesystem::remove(model_ + "/bias.json");
  std::filesystem::remove(model_ + "/README.md");
}

}  // namespace
}  // namespace roberta::cli_test
