#include "tasks/features.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/expect_error.h"

namespace roberta {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;

const Tokenizer& tokenizer() {
  static const Tokenizer it =
      Tokenizer::from_file(ROBERTA_SOURCE_DIR "/tests/text/tokenizer/data/tokenizer.json");
  return it;
}

/// What transformers makes of the same (tools/make_task_goldens.py).
const json& goldens() {
  static const json it = json::parse(std::ifstream(ROBERTA_SOURCE_DIR "/tests/tasks/goldens.json"));
  return it;
}

SquadData golden_questions() {
  SquadDataOptions options;
  options.training = true;
  options.offsets = "error";
  return parse_squad("goldens.json", goldens()["file"].dump(), options);
}

TokenData tagged(std::vector<std::string> words, Ids tags, std::vector<std::string> labels) {
  TokenData data;
  data.labels = std::move(labels);
  data.sentences.push_back({std::move(words), std::move(tags), 1});
  return data;
}

SquadData one_question(std::string question, std::string context) {
  SquadData data;
  data.file = "dev.json";
  data.contexts = {std::move(context)};
  data.questions.push_back({"q7", std::move(question), 0, {}, false, 5});
  return data;
}

std::vector<int64_t> flat(const std::vector<Offset>& offsets) {
  std::vector<int64_t> out;
  for (const Offset offset : offsets) out.insert(out.end(), {offset.begin, offset.end});
  return out;
}

TEST(SpanFeatures, EqualRunQa) {
  const SquadData data = golden_questions();
  size_t compared = 0, answered = 0;
  for (const json& golden : goldens()["squad"]) {
    SpanFeatureOptions options;
    options.max_length = golden["max_length"];
    options.stride = golden["stride"];
    std::set<size_t> fitting;  // the reference panics where a question leaves less than the stride
    for (const json& window : golden["windows"]) fitting.insert(window["example"].get<size_t>());
    const std::vector<size_t> examples(fitting.begin(), fitting.end());
    SquadData some = data;
    some.questions.clear();
    for (const size_t example : examples) some.questions.push_back(data.questions[example]);
    const std::vector<SpanFeature> features = span_features(tokenizer(), some, options, 2);
    ASSERT_EQ(features.size(), golden["windows"].size()) << options.max_length;
    for (size_t i = 0; i < features.size(); ++i) {
      const json& want = golden["windows"][i];
      SCOPED_TRACE(testing::Message() << "length " << options.max_length << ", window " << i << ", question "
                                      << some.questions[features[i].example].question);
      EXPECT_EQ(examples[features[i].example], want["example"].get<size_t>());
      EXPECT_EQ(features[i].ids, want["ids"].get<Ids>());
      EXPECT_EQ(features[i].context_begin, want["context"][0].get<int32_t>());
      EXPECT_EQ(features[i].context_end, want["context"][1].get<int32_t>());
      EXPECT_EQ(flat(features[i].offsets), want["offsets"].get<std::vector<int64_t>>());
      EXPECT_EQ(features[i].targets, want["targets"].get<Ids>());
      EXPECT_EQ(features[i].best, want["best"].get<std::vector<uint8_t>>());
      EXPECT_TRUE(features[i].positions.empty());
      ++compared;
      answered += features[i].targets[0] > 0;
    }
  }
  EXPECT_GT(compared, 100u);
  EXPECT_GT(answered, 40u);
}

TEST(SpanFeatures, NoThreadMatters) {
  const SquadData data = golden_questions();
  SpanFeatureOptions options;
  options.max_length = 40;
  options.stride = 12;
  const auto one = span_features(tokenizer(), data, options, 1),
             four = span_features(tokenizer(), data, options, 4);
  ASSERT_EQ(one.size(), four.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].ids, four[i].ids);
}

TEST(SpanFeatures, EveryTokenIsBestInOneWindow) {
  SpanFeatureOptions options;
  options.max_length = 20;
  options.stride = 7;
  std::string context;
  for (int i = 0; i < 60; ++i) context += " ship";
  const auto windows = span_features_of(tokenizer(), "ship", context, options);
  ASSERT_GT(windows.size(), 3u);
  std::multiset<uint32_t> best;
  for (const SpanFeature& window : windows) {
    EXPECT_TRUE(window.targets.empty());
    ASSERT_EQ(window.best.size(), window.offsets.size());
    for (size_t i = 0; i < window.best.size(); ++i) {
      if (window.best[i]) best.insert(window.offsets[i].begin);
    }
  }
  EXPECT_EQ(best.size(), 60u);
  EXPECT_EQ(std::set<uint32_t>(best.begin(), best.end()).size(), 60u);
}

TEST(SpanFeatures, LongQuestions) {
  SpanFeatureOptions options;
  options.max_length = 24;
  options.stride = 10;
  const std::string context =
      "The old lighthouse keeper counted the ships as they passed the northern rocks each evening.";
  // 14 tokens leave 6 for the context: the stride becomes 3.
  const std::string question(14, '?');
  const size_t tokens = tokenizer().encode(question, {.add_special_tokens = false}).ids.size();
  const auto windows = span_features_of(tokenizer(), question, context, options);
  const auto width = static_cast<int32_t>(24 - 4 - tokens);
  ASSERT_GT(windows.size(), 1u);
  ASSERT_LE(width, 10);
  EXPECT_EQ(windows[0].context_end - windows[0].context_begin, width);
  EXPECT_EQ(windows[1].offsets[0], windows[0].offsets[static_cast<size_t>(width - width / 2)]);

  std::string longer;
  for (int i = 0; i < 30; ++i) longer += "ship ";
  EXPECT_ERROR(ErrorCode::kInput, span_features(tokenizer(), one_question(longer, context), options, 1),
               "dev.json:5", "question 'q7'", "nothing of 24 is left");
  EXPECT_ERROR(ErrorCode::kInput, span_features_of(tokenizer(), longer, context, options),
               "the question has");
  options.max_question = 6;
  const auto cut = span_features_of(tokenizer(), longer, context, options);
  EXPECT_EQ(cut[0].context_begin, 1 + 6 + 2);
  EXPECT_EQ(cut[0].ids[1], tokenizer().encode(longer).ids[1]);
}

TEST(SpanFeatures, EmptyContextAndNoAnswer) {
  const auto windows = span_features(tokenizer(), one_question("What?", ""), {}, 1);
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].context_begin, windows[0].context_end);
  EXPECT_EQ(windows[0].targets, (Ids{0, 0}));
  SquadData data = one_question("What?", "a ship");
  data.questions[0].answers = {{"boat", -1}, {"ship", 2}};
  const auto found = span_features(tokenizer(), data, {}, 1);
  EXPECT_EQ(found[0].targets[1], found[0].context_end - 1) << "the first answer that is in the context";
  EXPECT_GT(found[0].targets[0], 0);
}

TEST(TokenFeatures, EqualRunNer) {
  for (const json& golden : goldens()["tags"]) {
    TokenData data = tagged(golden["words"], {}, goldens()["labels"]);
    for (const std::string tag : golden["tags"]) {
      const auto found = std::find(data.labels.begin(), data.labels.end(), tag);
      data.sentences[0].tags.push_back(static_cast<int32_t>(found - data.labels.begin()));
    }
    for (const bool label_all : {false, true}) {
      const json& want = golden[label_all ? "all" : "first"];
      const auto features = token_features(tokenizer(), data, 128, label_all, 1);
      ASSERT_EQ(features.size(), 1u);
      EXPECT_EQ(features[0].ids, want["ids"].get<Ids>());
      Ids labels(features[0].ids.size(), -100);
      for (size_t i = 0; i < features[0].positions.size(); ++i)
        labels[static_cast<size_t>(features[0].positions[i])] = features[0].targets[i];
      EXPECT_EQ(labels, want["labels"].get<Ids>()) << golden["words"].dump() << label_all;
    }
  }
}

TEST(TokenFeatures, LongSentencesBecomeWindows) {
  std::vector<std::string> words;
  Ids tags;
  for (int i = 0; i < 50; ++i) {
    words.push_back(i % 7 == 0 ? "incomprehensible1987" : i % 3 == 0 ? "ship" : "notebook");
    tags.push_back(i);
  }
  TokenData data = tagged(words, tags, std::vector<std::string>(50, "x"));
  data.sentences.push_back({{"ship"}, {3}, 9});
  const auto whole = token_features(tokenizer(), data, 1000, false, 1);
  ASSERT_EQ(whole.size(), 2u);
  for (const int64_t length : {16, 17, 40, 100}) {
    const auto features = token_features(tokenizer(), data, length, false, 1);
    Ids seen, inner;
    for (size_t i = 0; i + 1 < features.size(); ++i) {
      const TokenFeature& f = features[i];
      EXPECT_EQ(f.example, 0u);
      EXPECT_LE(static_cast<int64_t>(f.ids.size()), length);
      EXPECT_EQ(f.ids.front(), tokenizer().bos_id());
      EXPECT_EQ(f.ids.back(), tokenizer().eos_id());
      EXPECT_EQ(f.words.size(), f.positions.size());
      EXPECT_EQ(f.first_word, static_cast<size_t>(f.words[0]));
      EXPECT_EQ(f.targets, f.words) << "each word's tag is its number";
      seen.insert(seen.end(), f.words.begin(), f.words.end());
      inner.insert(inner.end(), f.ids.begin() + 1, f.ids.end() - 1);
    }
    EXPECT_EQ(seen, tags) << "every word once, in order";
    EXPECT_EQ(inner, Ids(whole[0].ids.begin() + 1, whole[0].ids.end() - 1));
    EXPECT_EQ(features.back().example, 1u);
    EXPECT_EQ(features.back().targets, (Ids{3}));
  }
}

TEST(TokenFeatures, WordLongerThanAWindow) {
  const TokenData data =
      tagged({"ship", std::string(40, '?') + "incomprehensible1987", "keeper"}, {0, 1, 0}, {"O", "B-x"});
  const auto features = token_features(tokenizer(), data, 8, true, 1);
  ASSERT_EQ(features.size(), 3u);
  EXPECT_EQ(features[1].ids.size(), 8u) << "its rest is cut off";
  EXPECT_EQ(features[1].targets, (Ids{1, 1, 1, 1, 1, 1})) << "no label I-x exists";
  EXPECT_EQ(features[2].words[0], 2);
  EXPECT_ERROR(ErrorCode::kUsage, token_features(tokenizer(), data, 2, true, 1), "leaves no room");
}

TEST(TokenFeatures, Unlabelled) {
  const auto features = token_features(tokenizer(), tagged({"ship"}, {}, {}), 8, false, 1);
  EXPECT_TRUE(features[0].targets.empty());
  EXPECT_EQ(features[0].positions, (Ids{1}));
}

TEST(TextFeatures, PairsAreCutLongestFirst) {
  for (const json& golden : goldens()["pairs"]) {
    TextData data;
    data.labels = {"a", "b"};
    data.examples.push_back({golden["first"], golden["second"], 1, 0, {}, 1});
    const int64_t length = golden["max_length"];
    const auto single = text_features(tokenizer(), data, length, 1);
    EXPECT_EQ(single[0].ids, golden["single"].get<Ids>());
    data.pairs = true;
    const auto pair = text_features(tokenizer(), data, length, 1);
    EXPECT_EQ(pair[0].ids, golden["ids"].get<Ids>());
    EXPECT_EQ(pair[0].positions, (Ids{0}));
    EXPECT_EQ(pair[0].targets, (Ids{1}));
    EXPECT_TRUE(pair[0].values.empty());
  }
}

TEST(TextFeatures, Targets) {
  TextData data;
  data.labels = {"a", "b", "c"};
  data.examples.push_back({"one", "", -1, 0.5F, {0, 2}, 1});
  data.examples.push_back({"two", "", 2, 1.5F, {}, 2});
  auto features = text_features(tokenizer(), data, 16, 0);
  EXPECT_TRUE(features[0].targets.empty());
  EXPECT_EQ(features[1].targets, (Ids{2}));
  EXPECT_EQ(features[1].example, 1u);
  data.kind = LabelKind::kValue;
  features = text_features(tokenizer(), data, 16, 1);
  EXPECT_EQ(features[0].values, (std::vector<float>{0.5F}));
  EXPECT_TRUE(features[1].targets.empty());
  data.kind = LabelKind::kSet;
  features = text_features(tokenizer(), data, 16, 1);
  EXPECT_EQ(features[0].values, (std::vector<float>{1, 0, 1}));
  EXPECT_EQ(features[1].values, (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace roberta
