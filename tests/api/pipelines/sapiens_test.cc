// A real pretrained RoBERTa (antibody heavy chains): logits and probabilities at every mask, through the API.
// Its data is not part of the project: ROBERTA_SHARED names the folder that has it (default ../shared).
#include <filesystem>

#include "roberta/pipeline.h"
#include "tests/api/pipelines/golden_model.h"

namespace roberta {
namespace {

using nlohmann::json;

class Sapiens : public GoldenTest {
 protected:
  void SetUp() override {
    GoldenTest::SetUp();
    if (IsSkipped()) return;
    const char* shared = std::getenv("ROBERTA_SHARED");
    directory_ = std::filesystem::path(shared ? shared : ROBERTA_SOURCE_DIR "/../shared") / "data/sapiens-vh";
    if (!std::filesystem::exists(directory_ / "golden.json"))
      GTEST_SKIP() << directory_ << " is not there: set ROBERTA_SHARED";
    golden_ = json::parse(std::ifstream(directory_ / "golden.json"));
  }
  std::filesystem::path directory_;
  json golden_;
};

TEST_F(Sapiens, LogitsOfEveryToken) {
  Model model = Model::load(directory_);
  const std::vector<Model::Ids> ids = {golden_["ids"]};
  EXPECT_EQ(model.tokenizer().encode(golden_["text"].get<std::string>()).ids, ids[0]);
  std::vector<TokenPosition> positions;
  for (int32_t t = 0; t < static_cast<int32_t>(ids[0].size()); ++t) positions.push_back({0, t});
  const Matrix logits = model.mlm_logits(ids, positions);
  for (size_t t = 0; t < positions.size(); ++t)
    EXPECT_LE(largest_difference(logits.row(static_cast<int64_t>(t)), golden_["logits"][t]), 1e-4) << t;
}

TEST_F(Sapiens, All25ProbabilitiesAtEachMask) {
  Model model = Model::load(directory_);
  const std::vector<std::string> texts = {golden_["text"]};
  const auto masks = fill_mask(model, texts, {.top_k = 25}).front();
  size_t m = 0;
  for (size_t t = 0; t < golden_["ids"].size(); ++t) {
    if (golden_["ids"][t] != model.tokenizer().mask_id()) continue;
    ASSERT_LT(m, masks.size());
    ASSERT_EQ(masks[m].size(), 25u);
    const std::vector<double> logits = golden_["logits"][t];
    double sum = 0;
    for (double x : logits) sum += std::exp(x);
    for (const Fill& f : masks[m]) {
      ASSERT_EQ(f.tokens.size(), 1u);
      EXPECT_NEAR(f.score, std::exp(logits[static_cast<size_t>(f.tokens[0])]) / sum, 1e-5) << t;
    }
    ++m;
  }
  EXPECT_EQ(m, masks.size());
  EXPECT_EQ(m, 3u);
}

}  // namespace
}  // namespace roberta
