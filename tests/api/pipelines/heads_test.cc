// What transformers answers with classifiers, through the public API: logits, pipelines, a LoRA adapter of
// PEFT's.
#include <functional>

#include "roberta/pipeline.h"
#include "tests/api/pipelines/head_model.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

using nlohmann::json;

INSTANTIATE_GOLDEN_CASES();

Model load_head(const GoldenCase& param, const std::filesystem::path& directory,
                const std::filesystem::path& adapter = {}) {
  register_guard_device();
  return Model::load(directory, {.precision = param.precision, .device = param.device, .adapter = adapter});
}
/// Heads have larger weights than the encoder, so bf16 shows more.
double limit(const GoldenCase& param, double exact) {
  return param.precision == Precision::kF32 ? exact : 1.0;
}

std::vector<Model::Ids> ids_of(const json& rows) {
  std::vector<Model::Ids> ids;
  for (const json& row : rows) ids.push_back(row["ids"]);
  return ids;
}

TEST_P(GoldenCases, SequenceLogits) {
  const TempDirectory temp;
  const json& golden = heads_golden()["sequence"];
  Model model = load_head(GetParam(), make_head_model(temp.path(), "sequence", golden["labels"]));
  EXPECT_EQ(model.info().task, "text-classification");
  EXPECT_EQ(model.info().labels, golden["labels"].get<std::vector<std::string>>());
  const Matrix logits = model.sequence_logits(ids_of(golden["rows"]));
  ASSERT_EQ(logits.rows, static_cast<int64_t>(golden["rows"].size()));
  for (int64_t i = 0; i < logits.rows; ++i) {
    EXPECT_LE(largest_difference(logits.row(i), golden["rows"][static_cast<size_t>(i)]["logits"]),
              limit(GetParam(), 1e-4));
  }
}

TEST_P(GoldenCases, TokenAndSpanLogits) {
  const TempDirectory temp;
  for (const char* kind : {"tokens", "spans"}) {
    const json& golden = heads_golden()[kind];
    const bool spans = std::string(kind) == "spans";
    const std::vector<std::string> labels = golden.value("labels", std::vector<std::string>{});
    Model model = load_head(GetParam(), make_head_model(temp.path() / kind, kind, labels));
    const std::vector<Model::Ids> ids = ids_of(golden["rows"]);
    std::vector<TokenPosition> positions;  // the last first: any order is answered in that order
    std::vector<json> expected;
    for (size_t s = 0; s < ids.size(); ++s) {
      for (size_t t = 0; t < ids[s].size(); ++t) {
        positions.push_back({static_cast<int32_t>(s), static_cast<int32_t>(t)});
        expected.push_back(golden["rows"][s]["logits"][t]);
      }
    }
    if (!spans) {
      std::reverse(positions.begin(), positions.end());
      std::reverse(expected.begin(), expected.end());
    }
    const Matrix logits = spans ? model.span_logits(ids) : model.token_logits(ids, positions);
    ASSERT_EQ(logits.rows, static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(largest_difference(logits.row(static_cast<int64_t>(i)), expected[i]), limit(GetParam(), 1e-4))
          << kind << i;
  }
}

TEST_P(GoldenCases, MergedAdapterIsPeftsModel) {
  const json& rows = heads_golden()["lora"]["rows"];
  const std::filesystem::path adapter = heads_directory() + "/lora";
  for (const bool named : {false, true}) {  // by its own base_model_name_or_path, or beside a base
    Model model = named ? load_head(GetParam(), golden_directory(), adapter) : load_head(GetParam(), adapter);
    EXPECT_EQ(model.info().architecture, "RobertaForSequenceClassification");
    EXPECT_EQ(model.info().labels, (std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"}));
    const Matrix logits = model.sequence_logits(ids_of(rows));
    for (int64_t i = 0; i < logits.rows; ++i) {
      EXPECT_LE(largest_difference(logits.row(i), rows[static_cast<size_t>(i)]["logits"]),
                limit(GetParam(), 2e-4));
    }
  }
}

TEST_P(GoldenCases, ClassifyIsThePipelinesAnswer) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  const std::map<std::string, LabelFunction> functions = {{"auto", LabelFunction::kDefault},
                                                          {"softmax", LabelFunction::kSoftmax},
                                                          {"sigmoid", LabelFunction::kSigmoid},
                                                          {"none", LabelFunction::kNone}};
  const json& golden = heads_golden()["sequence"];
  std::vector<TextPair> texts = {{golden["texts"][0], {}}, {golden["texts"][1], {}}};
  for (const json& pair : golden["pairs"]) texts.push_back({pair[0], pair[1].get<std::string>()});
  for (const json& row : golden["classify"]) {
    const TempDirectory temp;
    Model model =
        load_head(GetParam(), make_head_model(temp.path(), "sequence", golden["labels"], row["problem"]));
    ClassifyOptions options{.function = functions.at(row["function"]), .top_k = 0};
    const auto answers = classify(model, texts, options);
    ASSERT_EQ(answers.size(), row["answers"].size());
    for (size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i].size(), 3u);
      for (size_t k = 0; k < 3; ++k) {
        EXPECT_EQ(answers[i][k].label, row["answers"][i][k]["label"]) << row["problem"] << row["function"];
        EXPECT_NEAR(answers[i][k].score, row["answers"][i][k]["score"].get<double>(), 1e-4);
      }
    }
    options.top_k = 1;
    EXPECT_EQ(classify(model, texts, options)[2][0].label, answers[2][0].label);
  }
}

TEST_P(GoldenCases, ZeroShotIsThePipelinesAnswer) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  const json& golden = heads_golden()["sequence"];
  const std::vector<std::string> texts = {golden["texts"][0], golden["texts"][1], golden["long"]};
  for (const json& row : golden["zero_shot"]) {
    const TempDirectory temp;
    Model model = load_head(GetParam(), make_head_model(temp.path(), "sequence", row["model_labels"]));
    const std::vector<std::string> labels = row["labels"];
    const auto answers = zero_shot(
        model, texts, labels, {.hypothesis_template = row["template"], .multi_label = row["multi_label"]});
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(answers[i].sequence, texts[i]);
      EXPECT_EQ(answers[i].labels, row["answers"][i]["labels"].get<std::vector<std::string>>());
      EXPECT_LE(largest_difference(answers[i].scores, row["answers"][i]["scores"]), 1e-5);
    }
  }
}

TEST(Heads, ZeroShotRefusesIllFormedLabels) {
  const TempDirectory temp;
  const json labels = heads_golden()["sequence"]["zero_shot"][0]["model_labels"];
  Model model = Model::load(make_head_model(temp.path(), "sequence", labels));
  const std::vector<std::string> texts = {"a"}, bad = {"a\xff"}, good = {"a"};
  EXPECT_THROW(zero_shot(model, texts, bad), Error);
  EXPECT_THROW(zero_shot(model, texts, good, {.hypothesis_template = "\xff {}"}), Error);
  EXPECT_NO_THROW(zero_shot(model, texts, good));
}

void expect_tags(const std::vector<Tag>& tags, const json& wanted, const std::string& what) {
  ASSERT_EQ(tags.size(), wanted.size()) << what;
  for (size_t i = 0; i < tags.size(); ++i) {
    EXPECT_EQ(tags[i].label, wanted[i][0]) << what << i;
    EXPECT_NEAR(tags[i].score, wanted[i][1].get<double>(), 1e-5) << what << i;
    EXPECT_EQ(tags[i].index, wanted[i][2].get<int64_t>()) << what << i;
    EXPECT_EQ(tags[i].word, wanted[i][3]) << what << i;
    EXPECT_EQ(tags[i].offset, (Offset{wanted[i][4], wanted[i][5]})) << what << i;
  }
}

TEST_P(GoldenCases, TagIsThePipelinesAnswer) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  const TempDirectory temp;
  const json& golden = heads_golden()["tokens"];
  Model model = load_head(GetParam(), make_head_model(temp.path(), "tokens", golden["labels"]));
  const std::vector<std::string> texts = golden["texts"];
  const std::vector<std::vector<std::string>> words = golden["words"];
  const std::map<std::string, Aggregation> aggregations = {{"none", Aggregation::kNone},
                                                           {"simple", Aggregation::kSimple},
                                                           {"first", Aggregation::kFirst},
                                                           {"average", Aggregation::kAverage},
                                                           {"max", Aggregation::kMax}};
  for (const json& row : golden["tags"]) {
    const std::string name = row["aggregation"];
    TagOptions options{.aggregation = aggregations.at(name), .stride = golden["stride"]};
    const auto tags = tag(model, texts, options);
    for (size_t i = 0; i < texts.size(); ++i) expect_tags(tags[i], row["answers"][i], name + " " + texts[i]);
    const auto of_words = tag_words(model, words, options);
    for (size_t i = 0; i < words.size(); ++i) expect_tags(of_words[i], row["words"][i], name + " words ");
    const std::vector<std::string> long_text = {golden["long"]};
    expect_tags(tag(model, long_text, options)[0], row["long"], name + " long ");
    options.ignore_labels.clear();
    expect_tags(tag(model, std::span(texts).subspan(2, 1), options)[0], row["all"], name + " all ");
  }
}

TEST_P(GoldenCases, AnswerIsThePipelinesAnswer) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  const TempDirectory temp;
  const json& golden = heads_golden()["spans"];
  Model model = load_head(GetParam(), make_head_model(temp.path(), "spans"));
  std::vector<QuestionContext> questions;
  for (const json& row : golden["questions"]) questions.push_back({row[0], row[1]});
  for (const json& row : golden["answers"]) {
    const json& o = row["options"];
    const AnswerOptions options{.top_k = o.value("top_k", 1),
                                .max_length = o.value("max_length", 384),
                                .stride = o.value("stride", 128),
                                .max_answer = o.value("longest", 15),
                                .align_words = o.value("align", true),
                                .handle_impossible = o.value("impossible", false)};
    const auto answers = answer(model, questions, options);
    for (size_t i = 0; i < questions.size(); ++i) {
      const json& wanted = row["answers"][i];
      ASSERT_EQ(answers[i].size(), wanted.size()) << o << questions[i].question;
      for (size_t k = 0; k < answers[i].size(); ++k) {
        EXPECT_EQ(answers[i][k].answer, wanted[k]["answer"]) << o << questions[i].question;
        EXPECT_EQ(answers[i][k].offset, (Offset{wanted[k]["start"], wanted[k]["end"]}));
        EXPECT_NEAR(answers[i][k].score, wanted[k]["score"].get<double>(), 1e-5);
      }
    }
  }
}

TEST_P(GoldenCases, NullThresholdMovesTheEmptyAnswer) {
  const TempDirectory temp;
  Model model = load_head(GetParam(), make_head_model(temp.path(), "spans"));
  const std::vector<QuestionContext> one = {{"dog", "The dog sleeps; the fox is gone"}};
  AnswerOptions options{.top_k = 1, .handle_impossible = true, .null_threshold = -1000};
  EXPECT_EQ(answer(model, one, options)[0][0].answer, "");
  options.null_threshold = 1000;
  EXPECT_NE(answer(model, one, options)[0][0].answer, "");
}

}  // namespace
}  // namespace roberta
