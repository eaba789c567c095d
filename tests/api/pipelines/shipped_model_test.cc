// The English model that ships: it loads, it has learnt English, and it says so in fp32 and in bf16.

#include <gtest/gtest.h>

#include "roberta/evaluate.h"
#include "roberta/pipeline.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(ROBERTA_SOURCE_DIR) / "models/roberta-small-english";

// Written for this test, so the model has not met it.
constexpr const char* kText =
    "The old bridge over the river was closed for two years while the town looked for money to repair it. In "
    "the end a group "
    "of engineers from the university offered to do the work for nothing, and most of the stones were put "
    "back "
    "by hand. When it was opened again in the spring, the children of the village were the first to walk "
    "across.\n"
    "Many people had said that it would be cheaper to build a new one. The council, however, believed that "
    "the bridge was "
    "part of the history of the place, and that visitors would come to see it.\n";

class ShippedModel : public ::testing::TestWithParam<Precision> {
 protected:
  Model model_ = Model::load(kModel, {.precision = GetParam()});
};
INSTANTIATE_TEST_SUITE_P(Precisions, ShippedModel, ::testing::Values(Precision::kF32, Precision::kBF16));

TEST_P(ShippedModel, KnowsWhatParisIs) {
  const std::vector<std::string> texts{"Paris is the <mask> of France."};
  const std::vector<Fill> fills = fill_mask(model_, texts)[0][0];
  EXPECT_EQ(fills[0].token_str, " capital");
  EXPECT_EQ(fills[0].sequence, "Paris is the capital of France.");
}

TEST_P(ShippedModel, GuessesMaskedWordsOfANewText) {
  const TempDirectory dir;
  const std::vector<std::filesystem::path> files{dir.write("text.txt", kText)};
  double loss = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) loss += evaluate_mlm(model_, files, {.seed = seed}).loss / 8;
  EXPECT_LT(loss, 4.5);  // ln 8192 is 9.0; word frequencies alone give 7.4
}

TEST_P(ShippedModel, PrefersGrammaticalSentences) {
  const std::vector<std::string> texts{"The children are playing in the garden.",
                                       "The children is playing in the garden.", "He has seen these houses.",
                                       "He has seen this houses."};
  const std::vector<Score> scores = score(model_, texts);
  EXPECT_GT(scores[0].log_prob, scores[1].log_prob);
  EXPECT_GT(scores[2].log_prob, scores[3].log_prob);
}

}  // namespace
}  // namespace roberta
