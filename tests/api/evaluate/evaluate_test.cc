// Evaluations on the tiny model of tests/golden, with data made here.
#include "roberta/evaluate.h"

#include "roberta/pipeline.h"
#include "roberta/prepare.h"
#include "tests/api/pipelines/golden_model.h"
#include "tests/expect_error.h"
#include "tests/tar_maker.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

std::string sentence(int n) {
  static const char* const kWords[] = {"the", "cat", "sat", "on",     "a",
                                       "mat", "and", "saw", "<mask>", "Paris"};
  std::string out;
  for (int i = 0; i < 4 + n % 5; ++i)
    out += std::string(i ? " " : "") + kWords[(i * 7 + n * 3 + i * i * n) % 10];
  return out + ".";
}

class Evaluate : public testing::Test {
 protected:
  MlmEvaluation mlm(const fs::path& file, MlmEvaluationOptions options = {}) {
    blocks_.clear();
    options.each_block = [&](const MaskedBlock& block) { blocks_.push_back(block); };
    return evaluate_mlm(model_, std::vector{file}, options);
  }
  /// The tokens as they were before masking.
  std::vector<int32_t> tokens() const {
    std::vector<int32_t> all;
    for (MaskedBlock block : blocks_) {
      for (size_t i = 0; i < block.positions.size(); ++i)
        block.ids[static_cast<size_t>(block.positions[i])] = block.targets[i];
      all.insert(all.end(), block.ids.begin(), block.ids.end());
    }
    return all;
  }

  TempDirectory scratch_;
  Model model_ = Model::load(golden_directory());
  std::vector<MaskedBlock> blocks_;
};

TEST_F(Evaluate, MlmBlocksAndLoss) {
  std::string text;
  std::vector<int32_t> want;
  for (int n = 0; n < 60; ++n) {
    const std::string document = sentence(n) + "\n" + sentence(n + 100);
    text += document + (n % 2 ? "\n\n" : "\r\n\n \n");
    model_.tokenizer().encode_ids(document, want, true, false);
  }
  const MlmEvaluation result = mlm(scratch_.write("a.txt", text));
  EXPECT_EQ(tokens(), want);
  EXPECT_EQ(result.documents, 60);
  EXPECT_EQ(result.blocks, static_cast<int64_t>(blocks_.size()));
  EXPECT_EQ(result.tokens, static_cast<int64_t>(want.size()));
  double sum = 0;
  int64_t masked = 0;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const MaskedBlock& block = blocks_[b];
    if (b + 1 < blocks_.size()) {
      EXPECT_EQ(block.ids.size(), 48u);  // the model's length
    }
    std::vector<TokenPosition> at;
    for (size_t i = 0; i < block.positions.size(); ++i) {
      at.push_back({0, block.positions[i]});
      EXPECT_EQ(block.ids[static_cast<size_t>(block.positions[i])], model_.tokenizer().mask_id());
      EXPECT_FALSE(model_.tokenizer().is_special(block.targets[i]));
    }
    EXPECT_EQ(block.log_probs, model_.mlm_log_probs({&block.ids, 1}, at, block.targets));
    for (const float x : block.log_probs) sum -= x, ++masked;
  }
  EXPECT_EQ(result.masked_tokens, masked);
  EXPECT_NEAR(result.loss, sum / static_cast<double>(masked), 1e-9);
  EXPECT_NEAR(result.bits() * 0.6931471805599453, result.loss, 1e-12);
  EXPECT_NEAR(std::log(result.perplexity()), result.loss, 1e-12);
  const double n = static_cast<double>(want.size()) - 120;  // without <s> and </s>
  EXPECT_NEAR(static_cast<double>(masked), 0.15 * n, 4 * std::sqrt(n * 0.15 * 0.85));
}

TEST_F(Evaluate, MlmMasksAreOfTheSeed) {
  std::string text;
  for (int n = 0; n < 40; ++n) text += sentence(n) + "\n\n";
  const fs::path file = scratch_.write("a.txt", text);
  const auto places = [&] {
    std::vector<std::vector<int32_t>> out;
    for (const MaskedBlock& block : blocks_) out.push_back(block.positions);
    return out;
  };
  const double loss = mlm(file).loss;
  const auto zero = places();
  EXPECT_EQ(mlm(file).loss, loss);
  EXPECT_EQ(places(), zero);
  EXPECT_NE(zero[0], zero[1]);
  mlm(file, {.seed = 1});
  EXPECT_NE(places(), zero);
  mlm(file, {.length = 16, .limit = 3});
  ASSERT_EQ(blocks_.size(), 3u);
  EXPECT_EQ(blocks_[2].ids.size(), 16u);
}

TEST_F(Evaluate, MlmJsonlEqualsText) {
  std::string text, rows;
  for (int n = 0; n < 20; ++n) {
    text += sentence(n) + "\n\n";
    rows += nlohmann::json{{"id", n}, {"body", sentence(n)}}.dump() + "\n";
  }
  const double loss = mlm(scratch_.write("a.txt", text)).loss;
  EXPECT_EQ(mlm(scratch_.write("a.jsonl", rows), {.field = "body"}).loss, loss);
  const fs::path bad = scratch_.write("b.jsonl", "{\"text\":\"x\"}\n{\"txt\":\"y\"}\n");
  EXPECT_ERROR(ErrorCode::kInput, mlm(bad), "b.jsonl:2", "'text'");
}

TEST_F(Evaluate, MlmOfAPreparedCorpusIsItsHeldOutSplit) {
  std::string text;
  for (int n = 0; n < 80; ++n) text += "no " + std::to_string(n) + " " + sentence(n) + "\n\n";
  const PrepareOptions options = {.tokenizer = golden_directory(),
                                  .sets = {{.name = "a", .paths = {scratch_.write("a.txt", text).string()}}},
                                  .held_out = 0.4};
  const PrepareReport corpus = prepare_corpus(scratch_ / "corpus", options);
  int64_t held_out = 0;
  for (const PreparedSet& set : corpus.sets) held_out += set.counts.held_out.tokens;
  const MlmEvaluation result = mlm(scratch_ / "corpus");
  EXPECT_GT(held_out, 100);
  EXPECT_LE(result.tokens, held_out);
  EXPECT_GT(result.tokens, held_out - 48);  // the reader of pieces may drop what is left over
  EXPECT_EQ(blocks_[0].ids.size(), 48u);
}

TEST_F(Evaluate, MlmRefusals) {
  const fs::path file = scratch_.write("a.txt", sentence(1)), empty = scratch_.write("e.txt", "\n\n");
  EXPECT_ERROR(ErrorCode::kInput, mlm(empty), "no text");
  EXPECT_ERROR(ErrorCode::kUsage, mlm(file, {.mask_prob = 0}), "mask_prob");
  EXPECT_ERROR(ErrorCode::kUsage, mlm(file, {.length = 49}), "49", "at most 48");
  EXPECT_ERROR(ErrorCode::kInput, mlm(scratch_ / "none.txt"), "none.txt");
}

std::string pair(const std::string& uid, const std::string& term, int n) {
  return nlohmann::json{{"sentence_good", sentence(n)},
                        {"sentence_bad", sentence(n + 53)},
                        {"field", "syntax"},
                        {"linguistics_term", term},
                        {"UID", uid}}
             .dump() +
         "\n";
}

TEST_F(Evaluate, BlimpCountsByParadigmAndPhenomenon) {
  std::string files[3];
  for (int n = 0; n < 7; ++n) {
    files[0] += pair("principle_A", "binding", n);
    files[1] += pair("animate_subject", "s-selection", n + 7);
    files[2] += pair("causative", "argument_structure", n + 14);
  }
  const std::string names[] = {"z.jsonl", "y.jsonl", "x.jsonl"};
  std::string tar;
  for (int i = 0; i < 3; ++i) {
    scratch_.write(names[i], files[i]);
    tar += tar_entry("data/" + names[i], files[i]);
  }
  tar += tar_entry("data/README", "not pairs");
  scratch_.write("README", "not pairs");
  std::vector<std::string> texts;
  for (int n = 0; n < 21; ++n) texts.insert(texts.end(), {sentence(n), sentence(n + 53)});
  const std::vector<Score> scores = score(model_, texts);
  const auto right = [&](int begin, int end) {
    int64_t count = 0;
    for (int n = begin; n < end; ++n) {
      const size_t at = static_cast<size_t>(2 * n);
      count += scores[at].log_prob > scores[at + 1].log_prob;
    }
    return count;
  };
  const auto check = [&](const BlimpEvaluation& result, int pairs) {
    const auto is = [&](const BlimpCount& c, const char* name, int64_t total, int64_t correct) {
      EXPECT_EQ(c.name, name);
      EXPECT_EQ(c.pairs, total);
      EXPECT_EQ(c.correct, correct) << name;
    };
    const int64_t binding = right(0, pairs), animate = right(7, 7 + pairs), causative = right(14, 14 + pairs);
    ASSERT_EQ(result.phenomena.size(), 2u);
    is(result.phenomena[0], "argument_structure", 2 * pairs, animate + causative);
    is(result.phenomena[1], "binding", pairs, binding);
    ASSERT_EQ(result.paradigms.size(), 3u);
    is(result.paradigms[0], "animate_subject", pairs, animate);
    EXPECT_EQ(result.paradigms[0].phenomenon, "argument_structure");
    is(result.paradigms[1], "causative", pairs, causative);
    is(result.paradigms[2], "principle_A", pairs, binding);
    is(result.overall, "overall", 3 * pairs, binding + animate + causative);
  };
  ASSERT_GT(right(0, 21), 0);
  ASSERT_LT(right(0, 21), 21);
  check(evaluate_blimp(model_, scratch_.path()), 7);
  check(evaluate_blimp(model_, scratch_.path(), {.limit = 4}), 4);
  check(evaluate_blimp(model_, scratch_.write("all.tar", tar + tar_end())), 7);
  EXPECT_EQ(evaluate_blimp(model_, scratch_ / "y.jsonl").overall.pairs, 7);
}

TEST_F(Evaluate, BlimpRefusals) {
  EXPECT_ERROR(ErrorCode::kInput, evaluate_blimp(model_, scratch_.path()), "no pairs");
  const fs::path bad = scratch_.write("a.jsonl", pair("u", "t", 1) + "{\"UID\":\"u\"}\n");
  EXPECT_ERROR(ErrorCode::kInput, evaluate_blimp(model_, bad), "a.jsonl:2", "linguistics_term");
  EXPECT_ERROR(ErrorCode::kInput, evaluate_blimp(model_, scratch_.write("b.jsonl", "{\n")), "b.jsonl:1");
}

}  // namespace
}  // namespace roberta
