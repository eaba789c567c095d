// What transformers answers for the tiny model, through the public API.
#include "roberta/pipeline.h"
#include "tests/api/pipelines/golden_model.h"

namespace roberta {
namespace {

using nlohmann::json;

INSTANTIATE_GOLDEN_CASES();

std::vector<Model::Ids> encoder_ids() {
  std::vector<Model::Ids> ids;
  for (const json& row : golden()["encoder"]) ids.push_back(row["ids"]);
  return ids;
}

Pooling pooling_of(const std::string& name) {
  return name == "cls"    ? Pooling::kCls
         : name == "max"  ? Pooling::kMax
         : name == "none" ? Pooling::kNone
                          : Pooling::kMean;
}

TEST_P(GoldenCases, TokenizerGivesTheSameIds) {
  const Model model = load();
  for (const json& row : golden()["encoder"])
    EXPECT_EQ(model.tokenizer().encode(row["text"].get<std::string>()).ids, row["ids"].get<Model::Ids>());
}

TEST_P(GoldenCases, HiddenStatesOfAllLayers) {
  Model model = load();
  const std::vector<Model::Ids> ids = encoder_ids();
  for (int layer : {0, 1, 2}) {
    const Matrix states = model.hidden_states(ids, std::vector<int>{layer});
    int64_t begin = 0;
    for (size_t s = 0; s < ids.size(); ++s) {
      const json& row = golden()["encoder"][s];
      for (size_t i = 0; i < row["rows"].size(); ++i) {
        EXPECT_LE(largest_difference(states.row(begin + row["rows"][i].get<int64_t>()),
                                     row["hidden"][static_cast<size_t>(layer)][i]),
                  GetParam().values())
            << row["text"] << " layer " << layer;
      }
      begin += static_cast<int64_t>(ids[s].size());
    }
    EXPECT_EQ(begin, states.rows);
  }
}

TEST_P(GoldenCases, LogitsAndLogProbabilities) {
  Model model = load();
  const std::vector<Model::Ids> ids = encoder_ids();
  std::vector<TokenPosition> positions;
  std::vector<std::vector<float>> expected;
  for (size_t s = 0; s < ids.size(); ++s) {
    const json& row = golden()["encoder"][s];
    for (size_t m = 0; m < row["masks"].size(); ++m) {
      positions.push_back({static_cast<int32_t>(s), row["masks"][m]});
      expected.push_back(row["logits"][m]);
    }
  }
  std::reverse(positions.begin(), positions.end());  // any order is answered in that order
  std::reverse(expected.begin(), expected.end());
  const Matrix logits = model.mlm_logits(ids, positions);
  ASSERT_EQ(logits.rows, static_cast<int64_t>(positions.size()));
  std::vector<int32_t> targets;
  for (size_t i = 0; i < positions.size(); ++i) {
    EXPECT_LE(largest_difference(logits.row(static_cast<int64_t>(i)), expected[i]), GetParam().values());
    targets.push_back(static_cast<int32_t>(7 * i));
  }
  const std::vector<float> log_probs = model.mlm_log_probs(ids, positions, targets);
  for (size_t i = 0; i < positions.size(); ++i) {
    double sum = 0;
    for (float x : expected[i]) sum += std::exp(static_cast<double>(x));
    EXPECT_NEAR(log_probs[i], expected[i][static_cast<size_t>(targets[i])] - std::log(sum),
                2 * GetParam().values());
  }
}

TEST_P(GoldenCases, FillMaskIsThePipelinesAnswer) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  Model model = load();
  for (const json& row : golden()["fill_mask"]) {
    const std::vector<std::string> texts = {row["text"]};
    const auto answer = fill_mask(model, texts, {.top_k = row["top_k"]}).front();
    ASSERT_EQ(answer.size(), row["answer"].size());
    for (size_t m = 0; m < answer.size(); ++m) {
      ASSERT_EQ(answer[m].size(), row["answer"][m].size());
      for (size_t i = 0; i < answer[m].size(); ++i) {
        const json& want = row["answer"][m][i];
        EXPECT_NEAR(answer[m][i].score, want["score"].get<double>(), 1e-5);
        EXPECT_EQ(answer[m][i].tokens, Model::Ids{want["token"].get<int32_t>()});
        EXPECT_EQ(answer[m][i].token_str, want["token_str"].get<std::string>());
        EXPECT_EQ(answer[m][i].sequence, want["sequence"].get<std::string>());
      }
    }
  }
}

TEST_P(GoldenCases, TargetsGoByTheChainRule) {
  Model model = load();
  for (const json& row : golden()["targets"]) {
    const std::vector<std::string> texts = {row["text"]};
    const auto answer = fill_mask(model, texts, {.top_k = 9, .targets = row["targets"]}).front();
    ASSERT_EQ(answer.size(), row["answer"].size());
    for (size_t m = 0; m < answer.size(); ++m) {
      ASSERT_EQ(answer[m].size(), row["answer"][m].size());
      for (size_t i = 0; i < answer[m].size(); ++i) {
        const json& want = row["answer"][m][i];
        EXPECT_EQ(answer[m][i].tokens, want["tokens"].get<Model::Ids>());
        const double log_prob = want["log_prob"];
        EXPECT_NEAR(std::log(answer[m][i].score), log_prob,
                    GetParam().values() * static_cast<double>(want["tokens"].size()) * 2);
      }
    }
  }
}

TEST_P(GoldenCases, JointFillingIsTheExhaustiveSearchs) {
  if (!exact()) GTEST_SKIP() << "the order of near ties is fp32's";
  Model model = load();
  const std::vector<std::string> texts = {golden()["joint"]["text"]};
  const json& want = golden()["joint"]["answer"];
  const auto fills = fill_mask_joint(model, texts, {.top_k = 3, .beam = 293}).front();
  ASSERT_EQ(fills.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(fills[i].tokens, want[i]["tokens"].get<Model::Ids>());
    EXPECT_NEAR(std::log(fills[i].score), want[i]["log_prob"].get<double>(), 4e-4);
    EXPECT_EQ(fills[i].token_strs.size(), 2u);
  }
}

TEST_P(GoldenCases, Embeddings) {
  Model model = load();
  for (const json& row : golden()["embed"]) {
    const std::vector<std::string> texts = {row["text"]};
    const EmbedOptions options = {
        .pooling = pooling_of(row["pooling"]), .normalize = row["normalize"], .layers = row["layers"]};
    const Matrix m = embed(model, texts, options).front();
    EXPECT_EQ(m.rows > 1, options.pooling == Pooling::kNone);
    EXPECT_LE(largest_difference(m.row(m.rows - 1), row["vector"]), GetParam().values())
        << row["text"] << row["pooling"] << row["layers"];
  }
}

TEST_P(GoldenCases, PseudoLogLikelihood) {
  Model model = load();
  std::vector<std::string> texts;
  for (const json& row : golden()["score"]) texts.push_back(row["text"]);
  const std::vector<Score> scores = score(model, texts);
  for (size_t t = 0; t < texts.size(); ++t) {
    const json& want = golden()["score"][t];
    ASSERT_EQ(scores[t].tokens.size(), want["ids"].size());
    double total = 0;
    for (size_t i = 0; i < want["ids"].size(); ++i) {
      EXPECT_EQ(scores[t].tokens[i].id, want["ids"][i].get<int32_t>());
      EXPECT_NEAR(scores[t].tokens[i].log_prob, want["log_probs"][i].get<double>(), 2 * GetParam().values());
      total += want["log_probs"][i].get<double>();
    }
    EXPECT_NEAR(scores[t].log_prob, total, 2 * GetParam().values() * static_cast<double>(want["ids"].size()));
  }
}

}  // namespace
}  // namespace roberta
