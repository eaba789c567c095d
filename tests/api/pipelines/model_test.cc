// What the model refuses, and what it says about itself.
#include "roberta/model.h"

#include "io/safetensors.h"
#include "roberta/init.h"
#include "roberta/pipeline.h"
#include "tests/api/pipelines/golden_model.h"
#include "tests/expect_error.h"
#include "tests/model/small_model.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class ModelErrors : public testing::Test {
 protected:
  using Sequences = std::vector<Model::Ids>;
  using Positions = std::vector<TokenPosition>;
  Model model_ = Model::load(golden_directory());
};

TEST_F(ModelErrors, SequencesThatCannotBe) {
  const std::vector<int> last = {-1};
  EXPECT_ERROR(ErrorCode::kInput, model_.hidden_states(Sequences{{0, 2}, {}}, last), "[model] sequence 1",
               "empty");
  EXPECT_NO_THROW(model_.hidden_states(Sequences{Model::Ids(48, 5)}, last));
  EXPECT_ERROR(ErrorCode::kInput, model_.hidden_states(Sequences{Model::Ids(49, 5)}, last), "49 tokens",
               "at most 48");
  EXPECT_ERROR(ErrorCode::kInput, model_.hidden_states(Sequences{{0, 293}}, last), "id 293",
               "vocabulary of 293");
  EXPECT_ERROR(ErrorCode::kInput, model_.mlm_logits(Sequences{{0, -1}}, Positions{{0, 0}}), "id -1");
  EXPECT_NO_THROW(model_.hidden_states(Sequences{{0, 292}}, last));
}

TEST_F(ModelErrors, PlacesThatAreNot) {
  const Sequences ids = {{0, 5, 2}};
  for (const TokenPosition p : Positions{{0, 3}, {0, -1}, {1, 0}, {-1, 0}})
    EXPECT_ERROR(ErrorCode::kInput, model_.mlm_logits(ids, Positions{p}), "position 0", "does not exist");
  EXPECT_ERROR(ErrorCode::kInput, model_.mlm_log_probs(ids, Positions{{0, 1}}, Model::Ids{}), "1 positions",
               "0 targets");
  EXPECT_ERROR(ErrorCode::kInput, model_.mlm_log_probs(ids, Positions{{0, 1}}, Model::Ids{293}),
               "target 293");
  for (int layer : {3, -4})
    EXPECT_ERROR(ErrorCode::kUsage, model_.hidden_states(ids, std::vector<int>{layer}), "layer",
                 "0 (embeddings) to 2");
}

TEST_F(ModelErrors, NothingAskedIsNothingAnswered) {
  EXPECT_EQ(model_.mlm_logits({}, {}).rows, 0);
  EXPECT_EQ(model_.mlm_logits(Sequences{{0, 2}}, {}).rows, 0);
  EXPECT_EQ(model_.hidden_states({}, std::vector<int>{-1}).rows, 0);
  EXPECT_TRUE(fill_mask(model_, {}).empty());
  EXPECT_TRUE(embed(model_, {}).empty());
  EXPECT_TRUE(score(model_, {}).empty());
}

TEST_F(ModelErrors, TextsOfTheTasks) {
  const auto texts = [](std::initializer_list<std::string> list) { return std::vector<std::string>(list); };
  std::string word = "<mask>";
  for (int i = 0; i < 60; ++i) word += " x";
  EXPECT_ERROR(ErrorCode::kInput, fill_mask(model_, texts({"a <mask>", "none"})), "[fill-mask] text 1",
               "no <mask>");
  EXPECT_ERROR(ErrorCode::kInput, fill_mask(model_, texts({word})), "the text has", "at most 48");
  EXPECT_ERROR(ErrorCode::kInput, fill_mask_joint(model_, texts({"none"})), "the text has", "no <mask>");
  EXPECT_ERROR(ErrorCode::kUsage, fill_mask(model_, texts({"<mask>"}), {.top_k = 0}), "top_k is 0");
  EXPECT_ERROR(ErrorCode::kUsage, fill_mask(model_, texts({"<mask>"}), {.targets = {""}}), "target is empty");
  EXPECT_ERROR(ErrorCode::kInput, embed(model_, texts({word})), "[embed] the text", "at most 48");
  EXPECT_EQ(embed(model_, texts({word}), {.pooling = Pooling::kNone, .truncate = true})[0].rows, 48);
  EXPECT_ERROR(ErrorCode::kUsage, embed(model_, texts({"a"}), {.layers = {}}), "no layer");
  EXPECT_ERROR(ErrorCode::kInput, score(model_, texts({word})), "[score] the text");
  EXPECT_EQ(score(model_, texts({""}))[0].log_prob, 0);
}

TEST_F(ModelErrors, SaysWhatItIs) {
  EXPECT_EQ(model_.info().architecture, "RobertaForMaskedLM");
  EXPECT_EQ(model_.info().max_length, 48);
  EXPECT_EQ(model_.info().parameters, 75041);
  EXPECT_EQ(model_.info().default_pooling, "mean");
  EXPECT_TRUE(model_.info().has_mlm_head);
  EXPECT_NE(model_.device().find("cpu"), std::string::npos);
  const std::string report = model_.load_report();
  EXPECT_NE(report.find("found 42\n"), std::string::npos) << report;
  EXPECT_NE(report.find("tied 2: lm_head.decoder.weight, lm_head.decoder.bias\n"), std::string::npos)
      << report;
  EXPECT_EQ(report.find("missing"), std::string::npos) << report;
}

void copy_golden(const fs::path& to) {
  fs::copy(golden_directory(), to);
  fs::permissions(to / "config.json", fs::perms::owner_all);
}

TEST(ModelLoading, WithoutTokenizer) {
  const TempDirectory dir;
  copy_golden(dir / "m");
  fs::remove(dir / "m" / "tokenizer.json");
  Model model = Model::load(dir / "m");
  EXPECT_FALSE(model.has_tokenizer());
  const std::vector<std::string> texts = {"<mask>"};
  EXPECT_ERROR(ErrorCode::kModel, fill_mask(model, texts), "tokenizer not found", (dir / "m").string());
  EXPECT_ERROR(ErrorCode::kModel, embed(model, texts), "tokenizer not found");
}

TEST(ModelLoading, TokenizerLargerThanTheModel) {
  const TempDirectory dir;
  InitOptions options;
  options.vocab_size = 289;  // the tokenizer has 290
  options.hidden_size = 12;
  options.intermediate_size = 12;
  options.num_hidden_layers = 1;
  init_model(dir / "m", options);
  fs::copy(golden_directory() + "/tokenizer.json", dir / "m" / "tokenizer.json");
  EXPECT_ERROR(ErrorCode::kModel, Model::load(dir / "m"), "tokenizer has 290", "vocab_size is 289");
}

TEST(ModelLoading, WithoutMlmHead) {
  const TempDirectory dir;
  const RobertaConfig config = small_config(HeadKind::kNone);
  write_config(dir.path(), config);
  write_safetensors(dir / "model.safetensors", small_tensors(config, HeadKind::kNone));
  Model model = Model::load(dir.path());
  EXPECT_FALSE(model.info().has_mlm_head);
  const std::vector<Model::Ids> ids = {{0, 3, 2}};
  const std::vector<TokenPosition> positions = {{0, 1}};
  EXPECT_ERROR(ErrorCode::kModel, model.mlm_logits(ids, positions), "lm_head");
  EXPECT_ERROR(ErrorCode::kModel, model.mlm_log_probs(ids, positions, Model::Ids{1}), "lm_head");
  const std::vector<std::string> texts = {"<mask>"};
  EXPECT_ERROR(ErrorCode::kModel, fill_mask(model, texts), "RobertaForMaskedLM");
  EXPECT_ERROR(ErrorCode::kModel, fill_mask_joint(model, texts), "RobertaForMaskedLM");
  EXPECT_ERROR(ErrorCode::kModel, score(model, texts), "RobertaForMaskedLM");
  EXPECT_EQ(model.first_token_states(ids).rows, 1);
}

TEST(ModelLoading, UnknownDeviceAndMissingDirectory) {
  EXPECT_ERROR(ErrorCode::kUsage, Model::load(golden_directory(), {.device = "tpu"}), "'tpu'");
  EXPECT_ERROR(ErrorCode::kModel, Model::load("nowhere/at-all"), "nowhere/at-all");
}

}  // namespace
}  // namespace roberta
