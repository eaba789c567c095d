// Damaged shards and manifests: found, named, never read beyond.
#include "data/shard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "data/corpus.h"
#include "data/samples.h"
#include "tests/data/small_tokenizer.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() {
    ShardWriter writer(path_, 2, kTokenizer);
    writer.add(std::vector<int32_t>{0, 7, 65535, 2}, std::vector<uint32_t>{3, 1}, {1, 2});
    writer.add(std::vector<int32_t>{0, 2, 9}, std::vector<uint32_t>{3}, {3, 4});
    EXPECT_EQ(writer.documents(), 2);
    EXPECT_EQ(writer.tokens(), 7);
    const int64_t size = writer.commit();
    bytes_ = read_all(path_);
    EXPECT_EQ(size, static_cast<int64_t>(bytes_.size()));
  }
  /// The file's bytes where they may be read as numbers.
  static void parse(const std::string& bytes, bool tokens = true) {
    std::vector<uint64_t> aligned(bytes.size() / 8 + 1);
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
    const ShardView view = parse_shard(std::as_bytes(std::span(aligned)).first(bytes.size()), "x.shard");
    if (tokens) verify_tokens(view, 65536, "x.shard");
  }

  static constexpr Digest kTokenizer = {5, 6};
  TempDirectory directory_;
  fs::path path_ = directory_ / "a.shard";
  std::string bytes_;
};

TEST_F(ShardTest, RoundTrip) {
  const MappedShard shard(path_);
  const ShardView& view = shard.view();
  EXPECT_EQ(view.tokenizer, kTokenizer);
  EXPECT_EQ(view.token_count, 7);
  EXPECT_EQ(view.documents(), 2);
  EXPECT_EQ(std::vector(view.starts.begin(), view.starts.end()), (std::vector<uint64_t>{0, 4, 7}));
  EXPECT_EQ(std::vector(view.line_lengths.begin(), view.line_lengths.end()),
            (std::vector<uint32_t>{3, 1, 3}));
  EXPECT_EQ(view.hashes[1], (Digest{3, 4}));
  std::vector<int32_t> ids(3);
  view.read(2, ids);
  EXPECT_EQ(ids, (std::vector<int32_t>{65535, 2, 0}));
  verify_tokens(view, 65536, "a");
  EXPECT_ERROR(ErrorCode::kInput, verify_tokens(view, 65535, "a"), "token 2 is 65535");
}

TEST_F(ShardTest, WideTokens) {
  ShardWriter writer(directory_ / "wide.shard", 4, kTokenizer);
  writer.add(std::vector<int32_t>{0, 100000, 2}, std::vector<uint32_t>{3}, {});
  writer.commit();
  const MappedShard shard(directory_ / "wide.shard");
  std::vector<int32_t> ids(3);
  shard.view().read(0, ids);
  EXPECT_EQ(ids[1], 100000);
}

TEST_F(ShardTest, EveryFlippedBitIsFound) {
  for (size_t i = 0; i < bytes_.size(); ++i) {
    for (int bit = 0; bit < 8; bit += 3) {
      std::string damaged = bytes_;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_THROW(parse(damaged), Error) << "byte " << i;
    }
  }
}

TEST_F(ShardTest, EveryTruncationIsFound) {
  for (size_t n = 0; n < bytes_.size(); ++n) EXPECT_THROW(parse(bytes_.substr(0, n)), Error) << n;
  EXPECT_THROW(parse(bytes_ + std::string(8, '\0')), Error);
  EXPECT_THROW(parse(bytes_.substr(0, 8) + bytes_), Error);
}

TEST_F(ShardTest, ErrorsNameTheFile) {
  EXPECT_ERROR(ErrorCode::kInput, MappedShard(directory_ / "none.shard"), "none.shard", "cannot open");
  directory_.write("empty.shard", "");
  EXPECT_ERROR(ErrorCode::kInput, MappedShard(directory_ / "empty.shard"), "empty.shard", "only 0 bytes");
  EXPECT_ERROR(ErrorCode::kInput, MappedShard(directory_.path()), "not a regular file");
}

class CorpusTest : public ::testing::Test {
 protected:
  CorpusTest() {
    PrepareOptions options;
    options.tokenizer = save_tokenizer(directory_);
    options.sets = {{"a",
                     {directory_.write("a.txt", "the cat\n\nthe dog\n\nand more of it\n").string()},
                     1,
                     TextFormat::kText,
                     "text"}};
    options.held_out = 0;
    prepare_corpus(corpus_, options);
  }
  /// Puts other bytes in place of those at `at`.
  static void patch(const fs::path& path, size_t at, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }
  /// The manifest with one text for another.
  void edit(const std::string& from, const std::string& to) {
    std::string text = read_all(corpus_ / "manifest.json");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::ofstream(corpus_ / "manifest.json") << text.replace(at, from.size(), to);
  }

  TempDirectory directory_;
  fs::path corpus_ = directory_ / "corpus";
  fs::path shard_ = corpus_ / "a-00000.train.shard";
};

TEST_F(CorpusTest, DamagedTokensAreFoundWhenAskedFor) {
  patch(shard_, 34, "\x01");
  EXPECT_NO_THROW(Corpus::open(corpus_, false));
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "a-00000.train.shard", "checksum of its tokens");
  patch(shard_, 34, "\xff\xff");
  const auto corpus = Corpus::open(corpus_, false);
  const Samples samples(corpus, {});
  std::vector<int32_t> ids;
  EXPECT_ERROR(ErrorCode::kInput, samples.read(0, ids), "a-00000.train.shard", "token 65535");
}

TEST_F(CorpusTest, DamagedIndexIsAlwaysFound) {
  patch(shard_, static_cast<size_t>(fs::file_size(shard_)) - 130, "x");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_, false), "a-00000.train.shard");
}

TEST_F(CorpusTest, MissingParts) {
  fs::remove(shard_);
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "a-00000.train.shard");
  fs::remove(corpus_ / "manifest.json");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "not a prepared corpus");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(directory_ / "nowhere"), "not a prepared corpus");
}

TEST_F(CorpusTest, ShardsOfAnotherCorpus) {
  ShardWriter writer(shard_, 2, {1, 1});
  writer.add(std::vector<int32_t>{0, 2}, std::vector<uint32_t>{2}, {});
  writer.commit();
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "belongs to another corpus");
}

TEST_F(CorpusTest, ManifestsThatMakeNoSense) {
  edit("a-00000.train.shard", "../../etc/passwd");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "manifest.json", "field 'file'");
  edit("../../etc/passwd", "a-00000.train.shard");
  edit("\"version\": 1", "\"version\": 2");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "version", "prepare the corpus again");
  edit("\"version\": 2", "\"version\": 1");
  edit("\"documents\": 3", "\"documents\": -3");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(corpus_), "documents");
}

}  // namespace
}  // namespace roberta
