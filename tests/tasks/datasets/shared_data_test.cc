// The public data sets themselves, where ROBERTA_SHARED names their folder: every row is read, and counts are
// the known ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "tasks/datasets/glue.h"
#include "tasks/datasets/squad_data.h"
#include "tasks/datasets/token_data.h"

namespace roberta {
namespace {

class SharedData : public testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("ROBERTA_SHARED");
    folder_ = std::filesystem::path(shared ? shared : ROBERTA_SOURCE_DIR "/../shared") / "data";
    if (!std::filesystem::is_directory(folder_ / "glue"))
      GTEST_SKIP() << folder_ << " has no data; ROBERTA_SHARED names its folder";
  }

  /// Reads a file of the task; counts[i]: examples of label i.
  TextData expect_counts(const char* task, const char* file, size_t total, std::vector<int64_t> counts) {
    TextData data = read_glue(glue_task(task), folder_ / file);
    EXPECT_EQ(data.examples.size(), total) << file;
    EXPECT_EQ(data.skipped, 0) << file;
    std::vector<int64_t> found(counts.size());
    for (const TextExample& example : data.examples) {
      EXPECT_FALSE(example.first.empty()) << file << ":" << example.line;
      EXPECT_EQ(example.second.empty(), !data.pairs) << file << ":" << example.line;
      if (example.label >= 0) ++found.at(static_cast<size_t>(example.label));
    }
    EXPECT_EQ(found, counts) << file;
    return data;
  }
  std::filesystem::path folder_;
};

// Counts by grep and awk over the files; totals are those of GLUE's paper and data sets.
TEST_F(SharedData, Glue) {
  expect_counts("cola", "glue/CoLA/train.tsv", 8551, {2528, 6023});
  expect_counts("cola", "glue/CoLA/dev.tsv", 1043, {322, 721});
  expect_counts("rte", "glue/RTE/train.tsv", 2490, {1249, 1241});
  expect_counts("rte", "glue/RTE/dev.tsv", 277, {146, 131});
  expect_counts("sst2", "glue/SST-2/train.tsv", 67349, {29780, 37569});
  expect_counts("sst2", "glue/SST-2/dev.tsv", 872, {428, 444});
  expect_counts("wnli", "glue/WNLI/train.tsv", 635, {323, 312});
  expect_counts("wnli", "glue/WNLI/dev.tsv", 71, {40, 31});
  expect_counts("qnli", "glue/QNLI/dev.tsv", 5463, {2702, 2761});
  expect_counts("mnli", "glue/MNLI/dev_matched.tsv", 9815, {3479, 3123, 3213});
  expect_counts("mnli", "glue_subsets/MNLI/train.tsv", 8999, {3061, 2980, 2958});
  expect_counts("qnli", "glue_subsets/QNLI/dev.tsv", 1000, {504, 496});
  expect_counts("qqp", "glue_subsets/QQP/train.tsv", 8999, {5747, 3252});
}

TEST_F(SharedData, StsB) {
  const TextData data = expect_counts("stsb", "glue/STS-B/train.tsv", 5749, {});
  for (const TextExample& example : data.examples) {
    EXPECT_GE(example.value, 0);
    EXPECT_LE(example.value, 1);
  }
  EXPECT_FLOAT_EQ(data.examples[1].value, 0.76F);
  EXPECT_EQ(expect_counts("stsb", "glue/STS-B/dev.tsv", 1500, {}).examples.size(), 1500u);
}

TEST_F(SharedData, Wnut17) {
  const std::map<std::string, std::pair<size_t, size_t>> sentences_words = {
      {"wnut17train.conll", {3394, 62730}},
      {"emerging.dev.conll", {1009, 15733}},
      {"emerging.test.annotated", {1287, 23394}}};
  for (const auto& [file, counts] : sentences_words) {
    TokenDataOptions options;
    options.scheme = "iob2";
    const TokenData data = read_token_data(folder_ / "wnut17" / file, options);
    EXPECT_EQ(data.labels,
              (std::vector<std::string>{"O", "B-corporation", "I-corporation", "B-creative-work",
                                        "I-creative-work", "B-group", "I-group", "B-location", "I-location",
                                        "B-person", "I-person", "B-product", "I-product"}))
        << file;
    size_t words = 0, persons = 0;
    for (const TaggedSentence& sentence : data.sentences) {
      words += sentence.words.size();
      persons += static_cast<size_t>(std::count(sentence.tags.begin(), sentence.tags.end(), 9));
    }
    EXPECT_EQ(data.sentences.size(), counts.first) << file;
    EXPECT_EQ(words, counts.second) << file;
    EXPECT_EQ(persons, file == "emerging.test.annotated" ? 429u
                       : file == "emerging.dev.conll"    ? 470u
                                                         : 660u)
        << file;
  }
}

TEST_F(SharedData, Squad) {
  SquadDataOptions options;
  const SquadData dev1 = read_squad(folder_ / "squad/dev-v1.1.json.zst", options);
  EXPECT_EQ(dev1.questions.size(), 10570u);
  EXPECT_FALSE(dev1.version2);
  EXPECT_EQ(dev1.moved, 0);
  EXPECT_EQ(dev1.dropped, 0);
  const SquadData dev2 = read_squad(folder_ / "squad/dev-v2.0.json.zst", options);
  EXPECT_EQ(dev2.questions.size(), 11873u);
  EXPECT_TRUE(dev2.version2);
  const auto impossible =
      std::count_if(dev2.questions.begin(), dev2.questions.end(), [](const auto& q) { return q.impossible; });
  EXPECT_EQ(impossible, 5945);
  options.training = true;
  const SquadData train = read_squad(folder_ / "squad/train-v1.1.json.zst", options);
  EXPECT_EQ(static_cast<int64_t>(train.questions.size()) + train.dropped, 87599);
  EXPECT_LT(train.dropped, 10);
}

}  // namespace
}  // namespace roberta
