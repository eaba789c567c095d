// classify, tag, answer and zero-shot: input and output formats, and errors for an unsuitable model or an
// invalid row. tests/api/pipelines/heads_test.cc checks the predictions.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/api/pipelines/head_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<json> rows_of(const std::string& text) {
  std::vector<json> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) rows.push_back(json::parse(line));
  return rows;
}

class TaskCommands : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    make_head_model(scratch_->path("sequence"), "sequence", {"contradiction", "neutral", "entailment"});
    make_head_model(scratch_->path("plain"), "sequence");
    make_head_model(scratch_->path("tokens"), "tokens",
                    {"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "X"});
    make_head_model(scratch_->path("spans"), "spans");
  }
  static void TearDownTestSuite() { delete scratch_; }

  static Result ask(const std::string& command, const std::string& model, Words words,
                    const std::string& input = "") {
    words.insert(words.begin(), {command, "--model", scratch_->path(model)});
    return run(words, input);
  }
  static std::vector<json> answers(const std::string& command, const std::string& model, Words words,
                                   const std::string& input = "") {
    words.insert(words.begin(), {"--format", "json"});
    const Result result = ask(command, model, words, input);
    EXPECT_EQ(result.code, 0) << result.err;
    return rows_of(result.out);
  }
  static Scratch* scratch_;
};
Scratch* TaskCommands::scratch_;

TEST_F(TaskCommands, ClassifyShapes) {
  const std::vector<json> one = answers("classify", "sequence", {"The dog sleeps.", "a"});
  ASSERT_EQ(one.size(), 2u);
  ASSERT_EQ(one[0].size(), 1u);
  EXPECT_TRUE(one[0][0].contains("label") && one[0][0].contains("score"));
  const json all = answers("classify", "sequence", {"--all-scores"}, "The dog sleeps.\n")[0];
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], one[0][0]);
  double sum = 0;
  for (const json& label : all) sum += label["score"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-5);
  EXPECT_EQ(answers("classify", "sequence", {"-k", "2", "a"})[0].size(), 2u);
  const json sigmoid = answers("classify", "sequence", {"--function", "sigmoid", "--all-scores", "a"})[0];
  EXPECT_NE(sigmoid[0]["score"], one[1][0]["score"]);
  const Result text = ask("classify", "sequence", {"--all-scores", "a"});
  EXPECT_TRUE(contains(text.out, " %  ") && contains(text.out, "neutral")) << text.out;
  EXPECT_TRUE(contains(ask("classify", "plain", {"a"}).out, "LABEL_"))
      << "three labels, none of them named in the config";
}

TEST_F(TaskCommands, ClassifyPairs) {
  const json tsv = answers("classify", "sequence", {"--pair"}, "The dog sleeps.\tThe fox is gone.\n")[0];
  const std::vector<json> rows = answers("classify", "sequence", {"--input", "jsonl", "--keep-fields"},
                                         "{\"id\":1,\"text\":\"The dog sleeps.\",\"text_pair\":\"The fox is "
                                         "gone.\"}\n{\"text\":\"The dog sleeps.\"}\n");
  EXPECT_EQ(rows[0]["output"], tsv);
  EXPECT_EQ(rows[0]["id"], 1);
  EXPECT_NE(rows[1]["output"], tsv);
  const json kept = answers("classify", "sequence", {"--pair", "--keep-fields"}, "a\tb\n")[0];
  EXPECT_EQ(kept["text"], "a");
  EXPECT_EQ(kept["text_pair"], "b");
  for (const char* bad : {"a b\n", "a\tb\tc\n"}) {
    const Result result = ask("classify", "sequence", {"--pair"}, std::string("x\ty\n") + bad);
    EXPECT_EQ(result.code, 3);
    EXPECT_TRUE(contains(result.err, "line 2: ") && contains(result.err, "text_pair")) << result.err;
  }
  EXPECT_TRUE(contains(ask("classify", "sequence", {"--pair", "--input", "jsonl"}, "{\"text\":\"a\"}\n").err,
                       "no member 'text_pair'"));
}

TEST_F(TaskCommands, TagShapes) {
  const std::string text = "caf\xc3\xa9 sells sea shells";
  const json tokens = answers("tag", "tokens", {"--aggregation", "none", text})[0];
  for (const json& token : tokens) {
    EXPECT_EQ(token.size(), 6u);
    EXPECT_TRUE(token.contains("entity") && token.contains("index")) << token;
    EXPECT_NE(token["entity"], "O");
  }
  const json groups =
      answers("tag", "tokens", {"--aggregation", "first", "--ignore-labels", "none", text})[0];
  ASSERT_FALSE(groups.empty());
  EXPECT_EQ(groups.front()["start"], 0);
  EXPECT_EQ(groups.back()["end"], 21) << "code points";
  EXPECT_TRUE(groups[0].contains("entity_group") && groups[0].contains("word"));
  EXPECT_EQ(answers("tag", "tokens", {""})[0], json::array());
  const Result shown = ask("tag", "tokens", {"--ignore-labels", "none", "--aggregation", "first", text});
  EXPECT_TRUE(contains(shown.out, "caf\xc3\xa9")) << shown.out;
}

TEST_F(TaskCommands, TagWords) {
  const std::string rows = "{\"words\":[\"The\",\"dog\"]}\n{\"text\":\"The dog\"}\n{\"words\":[]}\n";
  const std::vector<json> tags =
      answers("tag", "tokens", {"--input", "jsonl", "--ignore-labels", "none"}, rows);
  ASSERT_EQ(tags.size(), 3u);
  EXPECT_EQ(tags[0].back()["end"], 7);
  EXPECT_EQ(tags[1].back()["end"], 7);
  EXPECT_EQ(tags[2], json::array());
  for (const auto& [row, part] : std::vector<std::pair<std::string, std::string>>{
           {"{\"words\":[\"a\"],\"text\":\"a\"}", "both 'text' and 'words'"},
           {"{}", "neither 'text' nor 'words'"},
           {"{\"words\":[1]}", "must be a list of strings, not a number"},
           {"{\"words\":\"a\"}", "must be a list of strings, not a string"},
           {"{\"words\":[[\"a\"]]}", "must be a list of strings, not a list"}}) {
    const Result result = ask("tag", "tokens", {"--input", "jsonl"}, row + "\n");
    EXPECT_EQ(result.code, 3);
    EXPECT_TRUE(contains(result.err, part)) << result.err;
  }
}

TEST_F(TaskCommands, AnswerTakesQuestionsContextsOrBoth) {
  const std::string context = "The dog sleeps; the fox is gone.", question = "Who sleeps?";
  const json one = answers("answer", "spans", {"--question", question, "--context", context})[0];
  ASSERT_TRUE(one.is_object());
  EXPECT_EQ(context.substr(one["start"], one["end"].get<size_t>() - one["start"].get<size_t>()),
            one["answer"]);
  EXPECT_EQ(answers("answer", "spans", {"--context", context, question})[0], one);
  EXPECT_EQ(answers("answer", "spans", {"--question", question}, context + "\n")[0], one);
  EXPECT_EQ(answers("answer", "spans", {}, question + "\t" + context + "\n")[0], one);
  const std::string row = json{{"question", question}, {"context", context}}.dump();
  EXPECT_EQ(answers("answer", "spans", {"--input", "jsonl"}, row + "\n")[0], one);
  EXPECT_EQ(answers("answer", "spans", {"--input", "jsonl", "--context", context},
                    "{\"question\":\"" + question + "\"}\n")[0],
            one);
  EXPECT_EQ(answers("answer", "spans", {"--input", "jsonl", "--question", "not asked"}, row + "\n")[0], one);
  const json several =
      answers("answer", "spans", {"-k", "3", "--handle-impossible", "--context", context, question})[0];
  EXPECT_EQ(several.size(), 3u);
  const json none =
      answers("answer", "spans",
              {"--handle-impossible", "--null-threshold", "-100", "--context", context, question})[0];
  EXPECT_EQ(none["answer"], "");
  EXPECT_TRUE(
      contains(ask("answer", "spans",
                   {"--handle-impossible", "--null-threshold", "-100", "--context", context, question})
                   .out,
               "(no answer)"));
}

TEST_F(TaskCommands, AnswerRejectsInvalidRows) {
  for (const auto& [row, part] :
       std::vector<std::pair<std::string, std::string>>{{"no tab", "expected question, a tab, context"},
                                                        {"a\t", "context is empty"},
                                                        {"\tb", "question is empty"}}) {
    const Result result = ask("answer", "spans", {}, row + "\n");
    EXPECT_EQ(result.code, 3) << row;
    EXPECT_TRUE(contains(result.err, "line 1: ") && contains(result.err, part)) << result.err;
  }
  EXPECT_TRUE(contains(ask("answer", "spans", {"--input", "jsonl"}, "{\"question\":\"a\"}\n").err,
                       "no member 'context'"));
  std::string endless = "why";
  for (int i = 0; i < 60; ++i) endless += " why";
  const Result result = ask("answer", "spans", {"--context", "The dog sleeps. The fox.", endless});
  EXPECT_EQ(result.code, 3);
  EXPECT_TRUE(contains(result.err, "none for the context")) << result.err;
  EXPECT_EQ(ask("answer", "spans", {"--question", "a", "--context", "b", "c"}).code, 2);
  EXPECT_EQ(ask("answer", "spans", {"--null-threshold", "1", "--context", "b", "c"}).code, 2);
}

TEST_F(TaskCommands, ZeroShotShapes) {
  const json answer = answers("zero-shot", "sequence", {"--labels", " dog ,fox,", "The dog sleeps."})[0];
  EXPECT_EQ(answer["sequence"], "The dog sleeps.");
  ASSERT_EQ(answer["labels"].size(), 2u);
  EXPECT_NEAR(answer["scores"][0].get<double>() + answer["scores"][1].get<double>(), 1, 1e-5);
  EXPECT_GE(answer["scores"][0], answer["scores"][1]);
  EXPECT_EQ(ask("zero-shot", "sequence", {"a"}).code, 2);
  EXPECT_EQ(ask("zero-shot", "sequence", {"--labels", " , ", "a"}).code, 2);
  EXPECT_EQ(ask("zero-shot", "sequence", {"--labels", "a", "--template", "none", "a"}).code, 2);
  const Result other = ask("zero-shot", "plain", {"--labels", "a", "b"});
  EXPECT_EQ(other.code, 4);
  EXPECT_TRUE(contains(other.err, "entail") && contains(other.err, "LABEL_0")) << other.err;
}

TEST_F(TaskCommands, UnsuitableModelIsReportedWithItsCommand) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"classify", "tokens", "is a token-classification model"},
      {"tag", "sequence", "use `roberta classify`"},
      {"answer", "tokens", "use `roberta tag`"},
      {"zero-shot", "spans", "use `roberta answer`"},
      {"fill-mask", "spans", "use `roberta answer`"}};
  for (const auto& [command, model, part] : cases) {
    Words words = {"a\tb <mask>"};
    if (command == "zero-shot") words.insert(words.begin(), {"--labels", "a"});
    const Result result = ask(command, model, words);
    EXPECT_EQ(result.code, 4) << command << result.err;
    EXPECT_TRUE(contains(result.err, part)) << result.err;
  }
}

TEST_F(TaskCommands, AdaptersAreModels) {
  const std::string adapter = heads_directory() + "/lora";
  const Result own = run({"classify", "--model", adapter, "--format", "json", "The dog sleeps."});
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_EQ(own.out, run({"classify", "--model", golden_directory(), "--adapter", adapter, "--format", "json",
                          "The dog sleeps."})
                         .out);
  const Result info = run({"info", adapter, "--format", "json"});
  ASSERT_EQ(info.code, 0) << info.err;
  const json described = json::parse(info.out);
  EXPECT_EQ(described["tasks"][0], "classify");
  EXPECT_EQ(described["labels"].size(), 3u);
  EXPECT_TRUE(contains(described["notes"].dump(), "LoRA adapter of rank 3"));
  const Result twice =
      run({"classify", "--model", scratch_->path("tokens"), "--adapter", golden_directory(), "a"});
  EXPECT_EQ(twice.code, 4);
  EXPECT_TRUE(contains(twice.err, "adapter_config.json")) << twice.err;
}

}  // namespace
}  // namespace roberta::cli_test
