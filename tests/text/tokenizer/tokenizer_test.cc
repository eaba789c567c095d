// What goldens cannot show: errors, files, hostile input, threads, and the real vocabulary where it is at
// hand.
#include "roberta/tokenizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "roberta/error.h"
#include "text/tokenizer/tokenizer_json.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kSmall = ROBERTA_SOURCE_DIR "/tests/text/tokenizer/data/tokenizer.json";

json small_json() {
  std::ifstream in(kSmall);
  return json::parse(in);
}

class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("roberta_tokenizer_" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~Scratch() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  void write(const char* name, const std::string& text) const { std::ofstream(path_ / name) << text; }

 private:
  fs::path path_;
};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kModel);
    return error.what();
  }
  return "no error";
}

std::string error_of_json(const std::function<void(json&)>& change) {
  json value = small_json();
  change(value);
  return error_of(
      [&] { make_tokenizer(parse_tokenizer_json(value.dump(), "[tokenizer] t.json"), "t.json"); });
}

std::vector<int32_t> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  tokenizer.encode_ids(text, ids, false);
  return ids;
}

TEST(Tokenizer, RejectsOtherKindsByName) {
  const std::vector<std::pair<std::function<void(json&)>, std::string>> cases = {
      {[](json& j) { j["model"]["type"] = "Unigram"; }, "model.type is 'Unigram'"},
      {[](json& j) { j["model"]["type"] = "WordPiece"; }, "model.type is 'WordPiece'"},
      {[](json& j) {
         j["pre_tokenizer"] = {{"type", "Metaspace"}};
       },
       "pre_tokenizer.type is 'Metaspace'"},
      {[](json& j) { j["pre_tokenizer"] = nullptr; }, "pre_tokenizer is null"},
      {[](json& j) {
         j["normalizer"] = {{"type", "NFKC"}};
       },
       "normalizer.type is 'NFKC'"},
      {[](json& j) {
         j["decoder"] = {{"type", "WordPiece"}};
       },
       "decoder.type is 'WordPiece'"},
      {[](json& j) {
         j["post_processor"] = {{"type", "Odd"}};
       },
       "post_processor.type is 'Odd'"},
      {[](json& j) { j["model"]["dropout"] = 0.1; }, "model.dropout"},
      {[](json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }, "end_of_word_suffix is '</w>'"},
      {[](json& j) { j["version"] = "2.0"; }, "version is '2.0'"},
  };
  for (const auto& [change, words] : cases)
    EXPECT_NE(error_of_json(change).find(words), std::string::npos) << words;
}

TEST(Tokenizer, RejectsDamagedFiles) {
  const std::vector<std::pair<std::function<void(json&)>, std::string>> cases = {
      {[](json& j) { j.erase("model"); }, "model is missing"},
      {[](json& j) { j["model"].erase("vocab"); }, "model.vocab is missing"},
      {[](json& j) { j["model"]["vocab"]["x"] = -1; }, "must be a token id"},
      {[](json& j) { j["model"]["vocab"]["x"] = 4000000000u; }, "4000000000"},
      {[](json& j) { j["model"]["vocab"]["xyzzy"] = 7; }, "has id 7"},
      {[](json& j) {
         j["model"]["vocab"] = {1, 2};
       },
       "model.vocab must be an object"},
      {[](json& j) { j["model"]["merges"].push_back("abc"); }, "with one space between"},
      {[](json& j) {
         j["model"]["merges"].push_back({"a", "b", "c"});
       },
       "model.merges"},
      {[](json& j) {
         j["model"]["merges"].push_back({"q", "xyzzy"});
       },
       "'xyzzy'"},
      {[](json& j) {
         j["model"]["merges"].push_back({"q", "x"});
       },
       "'qx'"},
      {[](json& j) { j["added_tokens"][0] = 5; }, "added_tokens[0] must be an object"},
      {[](json& j) { j["added_tokens"][1].erase("content"); }, "added_tokens[1].content is missing"},
      {[](json& j) { j["added_tokens"][1]["lstrip"] = 3; }, "added_tokens[1].lstrip"},
      {[](json& j) { j["post_processor"]["sep"] = {"</s>"}; }, "post_processor.sep"},
      {[](json& j) {
         j["post_processor"]["sep"] = {"</s>", 123456};
       },
       "123456"},
  };
  for (const auto& [change, words] : cases) {
    const std::string what = error_of_json(change);
    EXPECT_NE(what.find(words), std::string::npos) << words << " in " << what;
    EXPECT_NE(what.find("t.json"), std::string::npos) << what;
  }
  for (const char* text : {"", "{", "[]", "null", "{\"model\": 1}", "\xFF"})
    EXPECT_NE(error_of([&] { parse_tokenizer_json(text, "[tokenizer] t.json"); }).find("t.json"),
              std::string::npos);
}

TEST(Tokenizer, NamesWhatADirectoryLacks) {
  const Scratch scratch;
  const auto load = [&] { Tokenizer::from_directory(scratch.path()); };
  EXPECT_NE(error_of(load).find("neither tokenizer.json nor vocab.json"), std::string::npos);
  scratch.write("sentencepiece.bpe.model", "x");
  EXPECT_NE(error_of(load).find("sentencepiece.bpe.model"), std::string::npos);
  EXPECT_NE(error_of([&] { Tokenizer::from_directory(scratch.path() / "none"); }).find("no such directory"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Tokenizer::from_directory(scratch.path() / "sentencepiece.bpe.model");
            }).find("is a file; give the directory that holds it: " + scratch.path().string()),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Tokenizer::from_directory(scratch.path() / std::string(300, 'x'));
            }).find("can't be read: File name too long"),
            std::string::npos);
  scratch.write("vocab.json", "{\"a\": 0}");
  scratch.write("merges.txt", "#version: 0.2\n");
  EXPECT_NE(error_of(load).find("'<s>'"), std::string::npos);
}

TEST(Tokenizer, SavesWhatItLoads) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  const Scratch scratch;
  tokenizer.save(scratch.path());
  const std::string text = " The  lighthouse \u00E9\U0001F600 <mask> don't\n";
  const Encoding expected = tokenizer.encode(text);
  const auto check = [&](const Tokenizer& again) {
    const Encoding encoding = again.encode(text);
    EXPECT_EQ(encoding.ids, expected.ids);
    EXPECT_EQ(encoding.offsets, expected.offsets);
    EXPECT_EQ(again.vocab_size(), tokenizer.vocab_size());
    EXPECT_EQ(again.mask_id(), tokenizer.mask_id());
  };
  check(Tokenizer::from_directory(scratch.path()));
  fs::remove(scratch.path() / "tokenizer.json");
  check(Tokenizer::from_directory(scratch.path()));  // vocab.json and merges.txt
}

TEST(Tokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.pad_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.unk_id(), 3);
  EXPECT_EQ(tokenizer.mask_id(), 4);
  EXPECT_TRUE(tokenizer.is_special(4));
  EXPECT_FALSE(tokenizer.is_special(5));
  EXPECT_FALSE(tokenizer.is_special(-1));
  EXPECT_EQ(tokenizer.token_to_id("\u0120the"),
            tokenizer.token_to_id(tokenizer.id_to_token(*tokenizer.token_to_id("\u0120the"))));
  EXPECT_FALSE(tokenizer.token_to_id("no such token").has_value());
  for (const int32_t id : {-1, tokenizer.vocab_size(), 1 << 30})
    EXPECT_THROW(tokenizer.decode(std::vector<int32_t>{id}), Error);
}

TEST(Tokenizer, ReadsInvalidUtf8AsReplacements) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  EXPECT_EQ(ids_of(tokenizer, "a\xE2\x82z\xFF"), ids_of(tokenizer, "a\uFFFDz\uFFFD"));
  EXPECT_EQ(tokenizer.encode("\xFF\xFF b").offsets, tokenizer.encode("\uFFFD\uFFFD b").offsets);
  const auto first_byte_of_e_acute = tokenizer.token_to_id("\u00C3");
  ASSERT_TRUE(first_byte_of_e_acute.has_value());
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{*first_byte_of_e_acute}), "\uFFFD");
}

/// Seconds for one text; the best of a few, for the machine may be busy.
double seconds_for(const Tokenizer& tokenizer, const std::string& text) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::clock();
    ids_of(tokenizer, text);
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

TEST(Tokenizer, TakesLinearTimeOnHostileText) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  const auto repeat = [](const std::string& part, size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += part;
    return text;
  };
  for (const char* part : {"a", "'", " ", "e", "th", "\n", "'s", "\u00E9", "\u4E2D", "a\u0301", "1", "\xFF",
                           "<", "<mask", "<mask> ", "a\u4E2D1 !\u00E9", "abcdefghijklmnopqrstuvwxyz"}) {
    const double small = seconds_for(tokenizer, repeat(part, 100'000));
    const double large = seconds_for(tokenizer, repeat(part, 1'000'000));
    EXPECT_LE(large, 1.0) << part;
    EXPECT_LE(large, 12 * small + 0.02)
        << part << ": " << small << " s for 100 KB, " << large << " s for 1 MB";
  }
}

TEST(Tokenizer, CacheStaysRightWhenItOverflows) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  const Tokenizer fresh = Tokenizer::from_file(kSmall);
  std::string text;
  for (size_t i = 0; i < 400000; ++i) {  // more words than the cache keeps, some too long for a slot
    text += " w" + std::to_string(i * 7919 % 400000);
    if (i % 16 == 0) text += "anextraordinarilylongword";
  }
  ids_of(tokenizer, text);
  const std::string_view tail = std::string_view(text).substr(0, 40'000);
  EXPECT_EQ(ids_of(tokenizer, tail), ids_of(fresh, tail));
  EXPECT_EQ(ids_of(tokenizer, text).size(), tokenizer.encode(text, {.add_special_tokens = false}).ids.size());
}

TEST(Tokenizer, ThreadsAgree) {
  const Tokenizer tokenizer = Tokenizer::from_file(kSmall);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i)
    texts.push_back("text " + std::to_string(i * i) + " of the lighthouse <mask> \u00E9");
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto separate = tokenizer.encode_batch(views, {}, 1);
  const auto together = tokenizer.encode_batch(views, {}, 4);
  std::vector<int32_t> ids;
  std::vector<int64_t> starts;
  tokenizer.encode_ids_batch(views, ids, starts, true, true, 3);
  ASSERT_EQ(starts.size(), views.size() + 1);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < views.size(); ++i) wrong[t] += tokenizer.encode(views[i]).ids != separate[i].ids;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
  for (size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(together[i].ids, separate[i].ids);
    EXPECT_EQ(together[i].offsets, separate[i].offsets);
    EXPECT_EQ(std::vector<int32_t>(ids.begin() + starts[i], ids.begin() + starts[i + 1]), separate[i].ids);
  }
}

TEST(Tokenizer, RealVocabularyAgreesWithReference) {
  const char* shared = std::getenv("ROBERTA_SHARED");
  const fs::path directory =
      fs::path(shared != nullptr ? shared : ROBERTA_SOURCE_DIR "/../shared") / "data/roberta_bpe";
  if (!fs::exists(directory))
    GTEST_SKIP() << "no " << directory << "; set ROBERTA_SHARED to the folder of shared data";
  const Tokenizer tokenizer = Tokenizer::from_directory(directory);
  EXPECT_EQ(tokenizer.vocab_size(), 50265);
  EXPECT_EQ(tokenizer.mask_id(), 50264);
  std::ifstream in(directory / "golden_encodings.json");
  const json golden = json::parse(in);
  for (const json& each : golden["cases"]) {
    const std::string text = each["text"];
    std::vector<int32_t> ids;
    tokenizer.encode_ids(text, ids, false, false);
    EXPECT_EQ(ids, each["ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(tokenizer.decode(ids), each["decode"].get<std::string>());
  }
}

TEST(Tokenizer, ResidueVocabularyLoadsAsItIs) {
  const char* shared = std::getenv("ROBERTA_SHARED");
  const fs::path directory =
      fs::path(shared != nullptr ? shared : ROBERTA_SOURCE_DIR "/../shared") / "data/sapiens-vh";
  if (!fs::exists(directory))
    GTEST_SKIP() << "no " << directory << "; set ROBERTA_SHARED to the folder of shared data";
  const Tokenizer tokenizer = Tokenizer::from_directory(directory);
  EXPECT_EQ(tokenizer.vocab_size(), 25);
  EXPECT_EQ(tokenizer.model_max_length(), 144);
  EXPECT_EQ(tokenizer.encode("EVQ<mask>L B").ids, (std::vector<int32_t>{0, 7, 21, 17, 24, 13, 3, 3, 2}));
}

}  // namespace
}  // namespace roberta
