#include "text/trainer/bpe_trainer.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "roberta/error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class BpeTrainerTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, std::string_view content) const {
    return directory_.write(name, content);
  }
  fs::path write_gzip(const std::string& name, const std::string& content) const {
    const fs::path path = directory_ / name;
    const gzFile file = gzopen(path.c_str(), "wb");
    EXPECT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())),
              static_cast<int>(content.size()));
    gzclose(file);
    return path;
  }
  static BpeVocabulary train(const std::vector<fs::path>& files, const BpeOptions& options, int threads = 1,
                             bool add_prefix_space = false) {
    return learn_bpe(count_words(files, add_prefix_space, threads, {}), options, {});
  }

  TempDirectory directory_;
};

std::vector<std::string> spelled(const BpeVocabulary& vocabulary) {
  std::vector<std::string> merges;
  for (const auto& [left, right] : vocabulary.merges)
    merges.push_back(vocabulary.tokens[left] + " " + vocabulary.tokens[right]);
  return merges;
}

std::map<std::string, int64_t> counts(const WordCounts& table) {
  std::map<std::string, int64_t> all;
  table.for_each(
      [&](std::string_view word, int64_t count) { EXPECT_TRUE(all.emplace(word, count).second) << word; });
  return all;
}

TEST_F(BpeTrainerTest, EqualsHuggingFace) {
  std::ifstream in(fs::path(ROBERTA_SOURCE_DIR) / "tests/text/trainer/bpe_trainer_goldens.json");
  const nlohmann::json goldens = nlohmann::json::parse(in);
  const std::vector<std::string> full = goldens["cases"][0]["tokens"];  // 5 special tokens and the alphabet
  ASSERT_EQ(full.size(), 261u);
  for (const auto& entry : goldens["cases"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    std::vector<fs::path> files;
    for (const auto& text : entry["files"]) {
      const std::string name = std::to_string(files.size());
      // Every second file is read through gzip: the result may not depend on it.
      files.push_back(files.size() % 2 ? write_gzip(name, text) : write(name, text.get<std::string>()));
    }
    const BpeOptions options{entry["vocab_size"], entry["min_frequency"], entry["special_tokens"],
                             entry["max_token_length"]};
    for (const int threads : {1, 3}) {
      const BpeVocabulary got = train(files, options, threads, entry["add_prefix_space"]);
      EXPECT_EQ(got.tokens.size(), entry["size"].get<size_t>());
      const std::vector<std::string> tail = entry["tokens"];
      EXPECT_EQ(std::vector<std::string>(got.tokens.end() - static_cast<std::ptrdiff_t>(tail.size()),
                                         got.tokens.end()),
                tail);
      EXPECT_EQ(spelled(got), entry["merges"].get<std::vector<std::string>>());
      if (options.special_tokens == std::vector<std::string>(full.begin(), full.begin() + 5)) {
        ASSERT_GE(got.tokens.size(), full.size());
        EXPECT_TRUE(std::equal(full.begin(), full.end(), got.tokens.begin()));
      }
    }
  }
}

/// Random words, some of them long, with counts that need more than one piece of the reader (1 MiB).
std::string random_text(size_t bytes) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < bytes) {
    const size_t length = 1 + random() % (random() % 50 == 0 ? 60 : 9);
    for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 6 * (random() % 3));
    text += random() % 12 == 0 ? '\n' : ' ';
  }
  return text;
}

TEST_F(BpeTrainerTest, ResultDoesNotDependOnThreads) {
  const fs::path file = write("text", random_text(5'000'000));
  const BpeOptions options{3000, 2, {"<s>"}};
  const BpeVocabulary one = train({file}, options, 1);
  EXPECT_EQ(one.tokens.size(), 3000u);
  for (const int threads : {2, 5}) {
    const BpeVocabulary many = train({file}, options, threads);
    EXPECT_EQ(many.tokens, one.tokens);
    EXPECT_EQ(many.merges, one.merges);
  }
}

TEST_F(BpeTrainerTest, CountsWordsOfAllLengths) {
  // Lengths around the limits of the table's slots: 7, 8, 15, 16 bytes.
  std::string text;
  std::map<std::string, int64_t> expected;
  for (size_t length = 1; length <= 40; ++length) {
    const std::string word(length, 'w');
    for (size_t times = 0; times < 3; ++times) text += word + "\n";
    expected[word] = 3;
    expected["\n"] += 3;
  }
  EXPECT_EQ(counts(count_words({write("text", text)}, false, 1, {})), expected);
  EXPECT_EQ(counts(count_words({write("text", text)}, false, 4, {})), expected);
}

TEST_F(BpeTrainerTest, LongWordsOfEqualLengthAreKeptApart) {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += "averyveryverylongword" + std::string(1 + i % 3, static_cast<char>('a' + i % 26)) + " ";
  const auto table = counts(count_words({write("text", text)}, false, 2, {}));
  int64_t total = 0;
  for (const auto& [word, count] : table) total += count;
  EXPECT_EQ(total, 50'001);  // and the blank at the end
  EXPECT_EQ(table.size(), 26u * 3 + 2);
}

TEST_F(BpeTrainerTest, LineWithoutEndIsCountedInPieces) {
  // 20 MB in one line: the reader cuts it between words, and the counts are those of the whole.
  std::string text;
  while (text.size() < 20'000'000) text += "one two  three's, ";
  const int64_t times = static_cast<int64_t>(text.size() / 18);
  const auto table = counts(count_words({write("text", text)}, true, 2, {}));
  EXPECT_EQ(table.at(" one"), times);
  EXPECT_EQ(table.at(" two"), times);
  EXPECT_EQ(table.at(" three"), times);
  EXPECT_EQ(table.at("'s"), times);
  EXPECT_EQ(table.at(","), times);
  EXPECT_EQ(table.at(" "), times + 1);  // "  " is " " and " three"; one at the very end
  EXPECT_EQ(table.size(), 6u);
}

TEST_F(BpeTrainerTest, ReportsProgress) {
  const fs::path file = write("text", random_text(3'000'000));
  int64_t calls = 0, last = 0, total = 0;
  const WordCounts words = count_words({file}, false, 1, [&](int64_t done, int64_t of) {
    ++calls;
    EXPECT_GE(done, last);
    last = done;
    total = of;
  });
  EXPECT_GE(calls, 2);
  EXPECT_EQ(total, static_cast<int64_t>(fs::file_size(file)));
  EXPECT_EQ(last, total);
  last = 0;
  learn_bpe(words, {1000, 2, {}}, [&](int64_t done, int64_t of) {
    EXPECT_GE(done, last);
    EXPECT_EQ(of, 1000);
    last = done;
  });
  EXPECT_EQ(last, 1000);
}

TEST_F(BpeTrainerTest, ErrorsNameFileAndByte) {
  const auto message = [&](const std::vector<fs::path>& files) -> std::string {
    for (const int threads : {1, 2}) {
      try {
        count_words(files, false, threads, {});
        ADD_FAILURE() << "no error";
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::kInput);
        if (threads == 2) return e.what();
      }
    }
    return "";
  };
  const fs::path good = write("good", "a b\n");
  EXPECT_NE(message({good, directory_ / "missing"}).find("missing: cannot open"), std::string::npos);
  EXPECT_NE(message({good, directory_.path()}).find("is a directory"), std::string::npos);
  EXPECT_NE(message({write("bad", "ab\xC3\xA9\nc\xFF d")}).find("bad: byte 6: invalid UTF-8 (0xff)"),
            std::string::npos);
  EXPECT_NE(message({write("cut", "ab \xE2\x82")}).find("cut: byte 3: invalid UTF-8 (0xe2)"),
            std::string::npos);
  const std::string late = std::string(2'500'000, 'x').replace(1'000'000, 1, "\n") + "\n\xC0\x80";
  EXPECT_NE(message({write("late", late)}).find("late: byte 2500001:"), std::string::npos);
}

}  // namespace
}  // namespace roberta
