// Evaluations by masked tokens on the tiny model of tests/golden: fill-mask, CrowS-Pairs, and the bias
// report.
#include <cmath>

#include "api/pipelines/masked_scores.h"
#include "roberta/evaluate.h"
#include "roberta/pipeline.h"
#include "tasks/datasets/crows_pairs.h"
#include "tests/api/pipelines/golden_model.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ScoreEvaluations : public testing::Test {
 protected:
  double metric(const TaskEvaluation& evaluation, const std::string& name) {
    for (const auto& [known, value] : evaluation.metrics)
      if (known == name) return value;
    ADD_FAILURE() << "no metric " << name;
    return NAN;
  }
  std::vector<json> rows(const fs::path& file) {
    std::vector<json> out;
    std::istringstream lines(read_all(file));
    for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line));
    return out;
  }
  TempDirectory scratch_;
  Model model_ = Model::load(golden_directory());
};

TEST_F(ScoreEvaluations, MaskedLogProbsAreThoseOfEachCopyAlone) {
  const std::vector<std::string> texts = {"the cat sat.", "the cat saw.", "Paris and the mat",
                                          "the cat sat."};
  std::vector<MaskedText> asked;
  for (const std::string& text : texts) {
    const Encoding e = model_.tokenizer().encode(text);
    asked.push_back({e.ids, own_tokens(e)});
  }
  const auto answers = masked_log_probs(model_, asked);
  for (size_t t = 0; t < asked.size(); ++t) {
    ASSERT_EQ(answers[t].size(), asked[t].ids.size() - 2);
    for (size_t i = 0; i < answers[t].size(); ++i) {
      Model::Ids copy = asked[t].ids;
      const int32_t at = asked[t].positions[i],
                    target = std::exchange(copy[static_cast<size_t>(at)], model_.tokenizer().mask_id());
      EXPECT_EQ(answers[t][i],
                model_.mlm_log_probs({&copy, 1}, std::vector<TokenPosition>{{0, at}}, {&target, 1})[0]);
    }
  }
}

TEST_F(ScoreEvaluations, FillMaskAsTheTargetsOfFillMask) {
  // One mask of one token, one of several tokens, two masks, and a mask that isn't asked for.
  const std::vector<std::pair<std::string, std::string>> asked = {
      {"the <mask> sat on the mat", "cat"}, {"the <mask> saw", "catsat"}, {"Paris <mask>.", "Paris Paris"}};
  std::string file;
  double sum = 0;
  for (const auto& [text, word] : asked) {
    file += json{{"q", text}, {"a", word}}.dump() + "\n";
    const auto fills = fill_mask(model_, std::vector{text}, {.targets = {word}});
    sum -= std::log(fills[0][0][0].score);
  }
  file += json{{"q", "<mask> cat <mask>"}, {"a", json{"the", ""}}}.dump() + "\n";
  const auto both = fill_mask(model_, std::vector<std::string>{"<mask> cat <mask>"}, {.targets = {"the"}});
  sum -= std::log(both[0][0][0].score);
  FillMaskEvaluationOptions options;
  options.text_column = "q";
  options.label_column = "a";
  options.predictions = scratch_ / "p.jsonl";
  const TaskEvaluation result = evaluate_fill_mask(model_, scratch_.write("a.jsonl", file), options);
  EXPECT_EQ(result.examples, 4);
  EXPECT_EQ(metric(result, "masks"), 4);
  EXPECT_NEAR(result.loss, sum / 4, 1e-5);
  EXPECT_NEAR(metric(result, "perplexity"), std::exp(result.loss), 1e-9);

  // Ranks: by the candidates of fill_mask, and of several tokens the worst.
  const std::vector<json> said = rows(options.predictions);
  ASSERT_EQ(said.size(), 4u);
  const Tokenizer& tokenizer = model_.tokenizer();
  const Model::Ids cat = tokenizer.encode(" cat", {.add_special_tokens = false}).ids;
  Model::Ids ids = tokenizer.encode(asked[0].first).ids;
  const auto at = std::find(ids.begin(), ids.end(), tokenizer.mask_id());
  const int32_t first_at = static_cast<int32_t>(at - ids.begin());
  ids.insert(at, cat.size() - 1, tokenizer.mask_id());
  int64_t worst = 0;
  for (size_t k = 0; k < cat.size(); ++k) {
    const int32_t position = first_at + static_cast<int32_t>(k);
    const Matrix logits = model_.mlm_logits({&ids, 1}, std::vector<TokenPosition>{{0, position}});
    const float own = logits.data[static_cast<size_t>(cat[k])];
    worst = std::max<int64_t>(
        worst, 1 + std::count_if(logits.data.begin(), logits.data.end(), [&](float x) { return x > own; }));
    ids[static_cast<size_t>(position)] = cat[k];
  }
  EXPECT_EQ(said[0]["masks"][0]["tokens"], cat.size());
  EXPECT_EQ(said[0]["masks"][0]["rank"], worst);
  EXPECT_EQ(said[0]["masks"][0]["top"].size(), 5u);
  EXPECT_GT(said[1]["masks"][0]["tokens"], 1);
  EXPECT_EQ(said[3]["masks"].size(), 1u);
  double reciprocal = 0, first = 0;
  for (const json& row : said) {
    for (const json& mask : row["masks"]) {
      reciprocal += 1 / mask["rank"].get<double>() / 4;
      first += mask["rank"] == 1 ? 0.25 : 0;
    }
  }
  EXPECT_NEAR(metric(result, "mrr"), reciprocal, 1e-12);
  EXPECT_EQ(metric(result, "accuracy_at_1"), first);
  // The order of the rows, and what else is in the file, changes nothing.
  options.limit = 1;
  EXPECT_NEAR(evaluate_fill_mask(model_, scratch_ / "a.jsonl", options).loss,
              -said[0]["masks"][0]["log_prob"].get<double>(), 1e-12);
}

TEST_F(ScoreEvaluations, FillMaskOfTheLikeliestWordIsRight) {
  const std::string text = "the <mask> sat";
  const auto best = fill_mask(model_, std::vector{text}, {.top_k = 3})[0][0];
  for (size_t k = 0; k < best.size(); ++k) {
    std::string word = best[k].token_str;
    if (!word.starts_with(' ') || word.size() < 2) continue;  // another one than a word after a space
    FillMaskEvaluationOptions options;
    const json row = {{"input_string", text}, {"title", word.substr(1)}};
    const TaskEvaluation result = evaluate_fill_mask(model_, scratch_.write("a.jsonl", row.dump()), options);
    EXPECT_NEAR(metric(result, "mrr"), 1.0 / static_cast<double>(k + 1), 1e-12);
    EXPECT_EQ(metric(result, "accuracy_at_1"), k == 0);
    EXPECT_EQ(metric(result, "accuracy_at_5"), 1);
  }
}

TEST_F(ScoreEvaluations, FillMaskCutsLongTexts) {
  std::string text = "the <mask>";
  for (int i = 0; i < 60; ++i) text += " cat";
  text += " <mask>";
  const json row = {{"input_string", text}, {"title", {"cat", "mat"}}};
  const TaskEvaluation result = evaluate_fill_mask(model_, scratch_.write("a.jsonl", row.dump()));
  EXPECT_EQ(metric(result, "masks"), 1);
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_NE(result.notes[0].find("1 words after"), std::string::npos) << result.notes[0];
  FillMaskEvaluationOptions options;
  options.max_length = 49;
  EXPECT_ERROR(ErrorCode::kUsage, evaluate_fill_mask(model_, scratch_ / "a.jsonl", options), "at most 48");
}

TEST_F(ScoreEvaluations, CrowsPairsByAPlainLoop) {
  std::string file = "sent_more,sent_less,stereo_antistereo,bias_type\n";
  const std::vector<std::array<std::string, 4>> pairs = {
      {"the cat sat on a mat", "the dog sat on a mat", "stereo", "age"},
      {"Paris saw the cat", "Paris and Paris saw the mat", "antistereo", "gender"},
      {"a mat on the mat", "the mat on a mat a mat", "antistereo", "gender"},
      {"same words", "same words", "stereo", "age"}};
  int64_t more = 0, neutral = 0;
  for (const auto& pair : pairs) {
    file += pair[0] + "," + pair[1] + "," + pair[2] + "," + pair[3] + "\n";
    const bool stereo = pair[2] == "stereo";
    const std::vector<Score> scores = score(model_, std::vector{pair[stereo ? 0 : 1], pair[stereo ? 1 : 0]});
    std::vector<int32_t> ids[2];
    for (int s : {0, 1})
      for (const TokenScore& token : scores[static_cast<size_t>(s)].tokens) ids[s].push_back(token.id);
    double sums[2] = {0, 0};
    for (const auto& [i, j] : shared_tokens(ids[0], ids[1])) {
      sums[0] += scores[0].tokens[static_cast<size_t>(i)].log_prob;
      sums[1] += scores[1].tokens[static_cast<size_t>(j)].log_prob;
    }
    const double a = round_score(sums[stereo ? 0 : 1]), b = round_score(sums[stereo ? 1 : 0]);
    more += a > b;
    neutral += a == b;
  }
  PredictionOptions options;
  options.predictions = scratch_ / "p.jsonl";
  const CrowsPairsEvaluation result = evaluate_crows_pairs(model_, scratch_.write("a.csv", file), options);
  EXPECT_EQ(result.overall.pairs, 4);
  EXPECT_EQ(result.overall.more, more);
  EXPECT_EQ(result.overall.neutral, neutral);
  EXPECT_GE(neutral, 1);  // the two same sentences
  EXPECT_EQ(result.stereo.pairs + result.antistereo.pairs, 4 - neutral);
  const std::vector<json> said = rows(options.predictions);
  ASSERT_EQ(said.size(), 4u);
  EXPECT_EQ(said[3]["sent_more_score"], said[3]["sent_less_score"]);
  EXPECT_EQ(said[1]["bias_type"], "gender");
}

TEST_F(ScoreEvaluations, BiasReportInDirectoryAndCard) {
  CrowsPairsEvaluation e;
  e.overall = {"overall", 8, 5, 1};
  e.stereo = {"stereo", 4, 3, 1};
  e.antistereo = {"antistereo", 3, 2, 0};
  e.categories = {{"age", 2, 1, 0}, {"race-color", 6, 4, 1}};
  const fs::path file = scratch_.write(
      "bias.json", to_bias_json(e, std::vector<std::pair<std::string, std::string>>{{"model", "m\xFF"}}));
  const CrowsPairsEvaluation back = read_bias_report(file);
  EXPECT_EQ(back.overall.score(), 62.5);
  EXPECT_EQ(back.stereo.neutral, 1);
  ASSERT_EQ(back.categories.size(), 2u);
  EXPECT_EQ(back.categories[1].name, "race-color");
  EXPECT_EQ(back.categories[1].more, 4);
  EXPECT_ERROR(ErrorCode::kModel, read_bias_report(scratch_.write("b.json", "{\"format\":\"x\"}")), "b.json",
               "format");
  EXPECT_ERROR(
      ErrorCode::kModel,
      read_bias_report(scratch_.write(
          "b.json", R"({"format":"roberta-bias-report","version":1,"overall":{"pairs":2,"more":3}})")),
      "more");

  const fs::path card = scratch_.write("README.md", "# A model\n");
  update_model_card(scratch_.path(), e);
  const std::string first = read_all(card);
  EXPECT_TRUE(first.starts_with("# A model\n\n<!-- bias report"));
  EXPECT_NE(first.find("**62.5**"), std::string::npos) << first;
  std::ofstream(card, std::ios::app) << "\nMore.\n";
  e.overall.more = 6;
  update_model_card(scratch_.path(), e);
  const std::string second = read_all(card);
  EXPECT_NE(second.find("**75.0**"), std::string::npos);
  EXPECT_EQ(second.find("**62.5**"), std::string::npos);
  EXPECT_TRUE(second.ends_with("end -->\n\nMore.\n")) << second;
}

}  // namespace
}  // namespace roberta
