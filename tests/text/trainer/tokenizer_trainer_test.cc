#include "roberta/tokenizer_trainer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "roberta/error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

nlohmann::json golden(const std::string& name) {
  const std::string text =
      read_all(fs::path(ROBERTA_SOURCE_DIR) / "tests/text/trainer/bpe_trainer_goldens.json");
  const auto goldens = nlohmann::json::parse(text);
  for (const auto& entry : goldens["cases"]) {
    if (entry["name"] == name) return entry;
  }
  throw std::runtime_error("no golden " + name);
}

TokenizerTrainerOptions small_options() {
  TokenizerTrainerOptions options;
  options.vocab_size = 400;
  return options;
}

TEST(TokenizerTrainerTest, SavedFilesAreThoseOfHuggingFace) {
  const auto fable = golden("fable");
  TempDirectory directory;
  const Tokenizer tokenizer =
      train_tokenizer({directory.write("text", fable["files"][0].get<std::string>())}, small_options());
  tokenizer.save(directory.path());

  std::string merges = "#version: 0.2\n";
  for (const auto& merge : fable["merges"]) merges += merge.get<std::string>() + "\n";
  EXPECT_EQ(read_all(directory / "merges.txt"), merges);
  std::vector<std::string> tokens = golden("empty file")["tokens"];  // special tokens and alphabet
  for (const auto& token : fable["tokens"]) tokens.push_back(token);
  const auto vocabulary = nlohmann::json::parse(read_all(directory / "vocab.json"));
  EXPECT_TRUE(read_all(directory / "vocab.json").starts_with(R"({"<s>":0,"<pad>":1,)")) << "the bytes, too";
  EXPECT_EQ(vocabulary.size(), tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) EXPECT_EQ(vocabulary.at(tokens[id]), id);

  const Tokenizer loaded = Tokenizer::from_directory(directory.path());
  const std::string text = "The fox <mask> higher: sour grapes!\n";
  EXPECT_EQ(loaded.encode(text).ids, tokenizer.encode(text).ids);
  EXPECT_EQ(loaded.decode(loaded.encode(text).ids, true), "The fox higher: sour grapes!\n");
}

TEST(TokenizerTrainerTest, HasRobertasFrame) {
  TempDirectory directory;
  const Tokenizer tokenizer = train_tokenizer({directory.write("text", "ab ab ab\n")}, small_options());
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.pad_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.unk_id(), 3);
  EXPECT_EQ(tokenizer.mask_id(), 4);
  EXPECT_EQ(tokenizer.encode("ab ab").ids,
            (std::vector<int32_t>{0, *tokenizer.token_to_id("ab"), *tokenizer.token_to_id("Ġab"), 2}));
  EXPECT_EQ(tokenizer.encode("ab <mask>").ids, (std::vector<int32_t>{0, *tokenizer.token_to_id("ab"), 4, 2}))
      << "<mask> takes the space before it";
}

TEST(TokenizerTrainerTest, OtherSpecialTokens) {
  TempDirectory directory;
  TokenizerTrainerOptions options = small_options();
  options.special_tokens = {"[A]", "[B]", "[A]"};
  const Tokenizer tokenizer = train_tokenizer({directory.write("text", "ab ab ab\n")}, options);
  EXPECT_EQ(tokenizer.encode("[B]ab[A]").ids, (std::vector<int32_t>{1, *tokenizer.token_to_id("ab"), 0}));
  EXPECT_TRUE(tokenizer.is_special(1));
  tokenizer.save(directory.path());
  const Tokenizer loaded = Tokenizer::from_file(directory / "tokenizer.json");
  EXPECT_EQ(loaded.encode("[B]ab[A]").ids, tokenizer.encode("[B]ab[A]").ids);

  options.special_tokens = {"<s>", "</s>", "[C]"};
  const Tokenizer framed = train_tokenizer({directory / "text"}, options);
  EXPECT_EQ(framed.encode("[C]").ids, (std::vector<int32_t>{0, 2, 1}));
}

TEST(TokenizerTrainerTest, ReportsBothPhases) {
  TempDirectory directory;
  TokenizerTrainerOptions options = small_options();
  std::string phases;
  options.progress = [&](const char* phase, int64_t done, int64_t total) {
    EXPECT_LE(done, total);
    if (!phases.ends_with(phase)) phases += phase;
  };
  train_tokenizer({directory.write("text", "ab ab ab\n")}, options);
  EXPECT_EQ(phases, "readmerge");
}

TEST(TokenizerTrainerTest, BadOptionsAreUsageErrors) {
  TempDirectory directory;
  const fs::path file = directory.write("text", "ab\n");
  const auto expect_usage = [&](const std::vector<fs::path>& files, auto&& change, const std::string& word) {
    TokenizerTrainerOptions options;
    change(options);
    try {
      train_tokenizer(files, options);
      ADD_FAILURE() << word;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage);
      EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
    }
  };
  expect_usage(
      {}, [](auto&) {}, "no files");
  expect_usage(
      {file}, [](auto& o) { o.vocab_size = 0; }, "vocab_size");
  expect_usage(
      {file}, [](auto& o) { o.vocab_size = int64_t{1} << 40; }, "vocab_size");
  expect_usage(
      {file}, [](auto& o) { o.min_frequency = -1; }, "min_frequency");
  expect_usage(
      {file}, [](auto& o) { o.max_token_length = -1; }, "max_token_length");
  expect_usage(
      {file},
      [](auto& o) {
        o.special_tokens = {"<s>", ""};
      },
      "special_tokens");
  expect_usage(
      {file}, [](auto& o) { o.special_tokens = {"\xFF"}; }, "special_tokens");
}

}  // namespace
}  // namespace roberta
