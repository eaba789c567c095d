// Every case of data/goldens.json, which Hugging Face tokenizers made (tools/make_tokenizer_goldens.py).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "roberta/error.h"
#include "roberta/tokenizer.h"
#include "text/tokenizer/tokenizer_json.h"

namespace roberta {
namespace {

using nlohmann::ordered_json;

ordered_json read_json(const std::string& name) {
  std::ifstream in(std::string(ROBERTA_SOURCE_DIR "/tests/text/tokenizer/data/") + name);
  return ordered_json::parse(in);
}

/// A vocabulary without the characters of `gone`, and without the merges that have them.
void drop_bytes(ordered_json& model, const std::string& gone) {
  const std::vector<std::string> chars = {"e", "o", "\u0120"};
  ASSERT_EQ(gone, "eo\u0120");
  const auto has_one = [&](const std::string& token) {
    return std::any_of(chars.begin(), chars.end(),
                       [&](const std::string& c) { return token.find(c) != std::string::npos; });
  };
  ordered_json vocab = ordered_json::object(), merges = ordered_json::array();
  for (const auto& [token, id] : model["vocab"].items()) {
    if (token[0] == '<' || !has_one(token)) vocab[token] = id;
  }
  for (const auto& merge : model["merges"]) {
    if (!has_one(merge[0].get<std::string>() + merge[1].get<std::string>())) merges.push_back(merge);
  }
  model["vocab"] = vocab;
  model["merges"] = merges;
}

ordered_json patched(ordered_json base, const ordered_json& patch) {
  for (const auto& [key, value] : patch.items()) {
    if (key == "drop_bytes") {
      drop_bytes(base["model"], value.get<std::string>());
    } else if (key.starts_with("model.")) {
      base["model"][key.substr(6)] = value;
    } else {
      base[key] = value;
    }
  }
  return base;
}

class Goldens : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    goldens_ = new ordered_json(read_json("goldens.json"));
    const ordered_json base = read_json("tokenizer.json");
    for (const auto& [name, patch] : (*goldens_)["variants"].items()) {
      const std::string text = patched(base, patch).dump();
      tokenizers_.emplace(name, make_tokenizer(parse_tokenizer_json(text, name), name));
    }
  }
  static void TearDownTestSuite() {
    delete goldens_;
    tokenizers_.clear();
  }
  static inline ordered_json* goldens_ = nullptr;
  static inline std::map<std::string, Tokenizer> tokenizers_;
};

EncodeOptions options_of(const ordered_json& golden, const Tokenizer& tokenizer) {
  EncodeOptions options;
  options.add_special_tokens = golden.value("special", true);
  options.parse_special_tokens = !golden.value("plain", false);
  options.add_prefix_space = tokenizer.add_prefix_space();
  options.return_overflowing = true;
  if (!golden.contains("cut")) return options;
  const std::string strategy = golden["cut"][0];
  options.truncation = strategy == "longest_first" ? TruncationStrategy::kLongestFirst
                       : strategy == "only_first"  ? TruncationStrategy::kOnlyFirst
                                                   : TruncationStrategy::kOnlySecond;
  options.max_length = golden["cut"][1];
  options.stride = golden["cut"][2];
  options.truncate_left = golden["cut"][3] == "left";
  return options;
}

Encoding encode(const ordered_json& golden, const Tokenizer& tokenizer, std::vector<int32_t>& words) {
  const EncodeOptions options = options_of(golden, tokenizer);
  if (golden.value("words", false)) {
    const auto texts = golden["text"].get<std::vector<std::string>>();
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    return tokenizer.encode_words(views, words, options);
  }
  const std::string text = golden["text"];
  if (!golden.contains("pair")) return tokenizer.encode(text, options);
  return tokenizer.encode_pair(text, golden["pair"].get<std::string>(), options);
}

void expect_window(const Encoding& encoding, const ordered_json& window, const std::string& what) {
  EXPECT_EQ(encoding.ids, window[0].get<std::vector<int32_t>>()) << what;
  std::vector<uint32_t> offsets;
  for (const Offset& offset : encoding.offsets) offsets.insert(offsets.end(), {offset.begin, offset.end});
  EXPECT_EQ(offsets, window[1].get<std::vector<uint32_t>>()) << what;
  EXPECT_EQ(encoding.special_tokens_mask, window[2].get<std::vector<uint8_t>>()) << what;
  EXPECT_EQ(encoding.sequence_ids, window[3].get<std::vector<int8_t>>()) << what;
}

TEST_F(Goldens, EncodesAsReference) {
  size_t compared = 0;
  for (const ordered_json& golden : (*goldens_)["cases"]) {
    const Tokenizer& tokenizer = tokenizers_.at(golden["variant"]);
    const std::string what = golden.dump().substr(0, 300);
    std::vector<int32_t> words;
    if (golden.contains("error")) {
      EXPECT_THROW(encode(golden, tokenizer, words), Error) << what;
      continue;
    }
    Encoding encoding;
    ASSERT_NO_THROW(encoding = encode(golden, tokenizer, words)) << what;
    const ordered_json& windows = golden["windows"];
    expect_window(encoding, windows[0], what);
    ASSERT_EQ(encoding.overflowing.size() + 1, windows.size()) << what;
    for (size_t i = 1; i < windows.size(); ++i) expect_window(encoding.overflowing[i - 1], windows[i], what);
    if (golden.value("words", false)) {
      EXPECT_EQ(words, windows[0][4].get<std::vector<int32_t>>()) << what;
    }
    ++compared;
  }
  EXPECT_GT(compared, 600u);
}

TEST_F(Goldens, FastPathGivesTheSameIds) {
  for (const ordered_json& golden : (*goldens_)["cases"]) {
    if (golden.contains("cut") || golden.contains("pair") || golden.value("words", false)) continue;
    if (golden["variant"] == "template" || golden["variant"] == "sequence") continue;
    std::vector<int32_t> ids;
    const std::string text = golden["text"];
    tokenizers_.at(golden["variant"])
        .encode_ids(text, ids, golden.value("special", true), !golden.value("plain", false));
    EXPECT_EQ(ids, golden["windows"][0][0].get<std::vector<int32_t>>()) << text;
  }
}

TEST_F(Goldens, DecodesAsReference) {
  for (const ordered_json& golden : (*goldens_)["decodes"]) {
    const Tokenizer& tokenizer = tokenizers_.at(golden[0]);
    EXPECT_EQ(tokenizer.decode(golden[1].get<std::vector<int32_t>>(), golden[2]),
              golden[3].get<std::string>())
        << golden.dump().substr(0, 300);
  }
}

}  // namespace
}  // namespace roberta
