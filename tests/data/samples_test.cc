// Pieces of a corpus and their order, against plain re-implementations.
#include "data/samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/corpus.h"
#include "tests/data/small_tokenizer.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

/// fairseq's _get_slice_indices_fast for 'complete' and 'complete_doc' with document_sep_len 1, line by line
/// after its Cython source; blocks that are too long are cut.
std::vector<std::vector<int32_t>> reference_blocks(const std::vector<std::vector<int32_t>>& lines,
                                                   bool by_document, size_t block) {
  std::vector<std::pair<size_t, size_t>> slices;
  size_t tok_idx = 0, sz_idx = 0, curr_size = 0;
  if (!by_document) {
    while (sz_idx < lines.size()) {
      if (curr_size + lines[sz_idx].size() <= block || curr_size == 0) {
        curr_size += lines[sz_idx].size();
        sz_idx += 1;
      } else {
        slices.emplace_back(tok_idx, tok_idx + curr_size);
        tok_idx += curr_size;
        curr_size = 0;
      }
    }
    if (curr_size > 0) slices.emplace_back(tok_idx, tok_idx + curr_size);
  } else {
    while (sz_idx < lines.size()) {
      if ((curr_size + lines[sz_idx].size() <= block || curr_size == 0) && lines[sz_idx].size() != 1) {
        curr_size += lines[sz_idx].size();
        sz_idx += 1;
      } else {
        if (curr_size > 1) slices.emplace_back(tok_idx, tok_idx + curr_size);
        tok_idx += curr_size;
        curr_size = 0;
        if (lines[sz_idx].size() == 1) {
          tok_idx += 1;
          sz_idx += 1;
        }
      }
    }
    if (curr_size > 1) slices.emplace_back(tok_idx, tok_idx + curr_size);
  }
  std::vector<int32_t> stream;
  for (const auto& line : lines) stream.insert(stream.end(), line.begin(), line.end());
  std::vector<std::vector<int32_t>> blocks;
  for (auto [begin, end] : slices) {
    for (; begin < end; begin += block) {
      const size_t stop = std::min(begin + block, end);
      blocks.emplace_back(stream.begin() + static_cast<ptrdiff_t>(begin),
                          stream.begin() + static_cast<ptrdiff_t>(stop));
    }
  }
  return blocks;
}

/// Documents of some lines each, all different.
std::string some_text(int documents, int seed) {
  std::string text;
  uint32_t state = static_cast<uint32_t>(seed) * 2654435761u + 1;
  const auto next = [&] { return state = state * 1664525u + 1013904223u, state >> 16; };
  for (int d = 0; d < documents; ++d) {
    const uint32_t lines = 1 + next() % 7;
    for (uint32_t l = 0; l < lines; ++l) {
      const uint32_t words = next() % 40 == 0 ? 90 : 1 + next() % 20;
      for (uint32_t w = 0; w < words; ++w)
        text.append(w ? " " : "").append(std::to_string(next() % 1000)).append("cat");
      text += "\n";
    }
    text += "\n";
  }
  return text;
}

class SamplesTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Corpus> corpus(Boundary boundary, std::vector<PrepareSet> sets, double held_out = 0,
                                       int64_t shard_bytes = 1 << 14) {
    PrepareOptions options;
    options.tokenizer = tokenizer_;
    options.sets = std::move(sets);
    options.boundary = boundary;
    options.held_out = held_out;
    options.shard_bytes = shard_bytes;
    options.threads = 2;
    const std::filesystem::path path = directory_ / std::string("corpus").append(std::to_string(made_++));
    prepare_corpus(path, options);
    return Corpus::open(path);
  }
  PrepareSet set(const std::string& name, const std::string& text, double weight = 1) {
    return {name, {directory_.write(name + ".txt", text).string()}, weight, TextFormat::kText, "text"};
  }
  static std::vector<std::vector<int32_t>> all(const Samples& samples) {
    std::vector<std::vector<int32_t>> out(static_cast<size_t>(samples.size()));
    for (int64_t i = 0; i < samples.size(); ++i) samples.read(i, out[static_cast<size_t>(i)]);
    return out;
  }
  /// The lines of a fairseq stream: each ends with </s>.
  static std::vector<std::vector<int32_t>> lines_of(const std::vector<int32_t>& stream) {
    std::vector<std::vector<int32_t>> lines(1);
    for (const int32_t id : stream) {
      lines.back().push_back(id);
      if (id == 2) lines.emplace_back();
    }
    lines.pop_back();
    return lines;
  }
  static std::vector<int32_t> stream_of(const Corpus& corpus, size_t set, Split split = Split::kTrain) {
    const TokenStream& stream = corpus.stream(set, split);
    std::vector<int32_t> ids(static_cast<size_t>(stream.tokens()));
    stream.read(0, ids, corpus.manifest().vocab_size);
    return ids;
  }

  TempDirectory directory_;
  std::filesystem::path tokenizer_ = save_tokenizer(directory_);
  int made_ = 0;
};

TEST_F(SamplesTest, CardStream) {
  const auto prepared = corpus(Boundary::kDocument, {set("a", "the cat\r\nthe dog \n\n\n \n  a log\n")});
  const Tokenizer tokenizer = prepared->tokenizer();
  const std::vector<int32_t> ids = stream_of(*prepared, 0);
  EXPECT_EQ(tokenizer.decode(ids), "<s>the cat\nthe dog</s><s>  a log</s>");
  const ShardView& shard = prepared->stream(0, Split::kTrain).shards()[0]->view();
  EXPECT_EQ(shard.line_lengths.size(), 3u);
  const auto first = std::span(ids).first(shard.line_lengths[0]);
  EXPECT_EQ(tokenizer.decode(first), "<s>the cat\n");
}

TEST_F(SamplesTest, FairseqStream) {
  const auto prepared = corpus(Boundary::kFairseq, {set("a", "the cat\r\n\tthe dog \n\n\n \n  a log")});
  EXPECT_EQ(prepared->tokenizer().decode(stream_of(*prepared, 0)), "the cat</s>the dog</s></s>a log</s></s>");
  const Samples samples(prepared, {Split::kTrain, Packing::kNone, 512});
  ASSERT_EQ(samples.size(), 1);
  std::vector<int32_t> ids;
  samples.read(0, ids);
  EXPECT_EQ(ids.front(), 0) << "one <s> at the start of a piece";
  EXPECT_EQ(static_cast<int64_t>(ids.size()), samples.tokens());
}

TEST_F(SamplesTest, SlicesOfTheStream) {
  const auto prepared = corpus(Boundary::kDocument, {set("a", some_text(300, 1))});
  ASSERT_GT(prepared->stream(0, Split::kTrain).shards().size(), 3u);
  const Samples samples(prepared, {Split::kTrain, Packing::kNone, 64});
  std::vector<int32_t> joined;
  for (const auto& piece : all(samples)) {
    EXPECT_LE(piece.size(), 64u);
    joined.insert(joined.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(joined, stream_of(*prepared, 0));
  EXPECT_EQ(samples.tokens(), static_cast<int64_t>(joined.size()));
}

TEST_F(SamplesTest, WholeLinesAsFairseqPacksThem) {
  const auto prepared = corpus(Boundary::kFairseq, {set("a", some_text(400, 2))});
  const auto lines = lines_of(stream_of(*prepared, 0));
  for (const int64_t length : {16, 64, 512}) {
    for (const Packing packing : {Packing::kComplete, Packing::kCompleteDoc}) {
      const Samples samples(prepared, {Split::kTrain, packing, length});
      auto expected =
          reference_blocks(lines, packing == Packing::kCompleteDoc, static_cast<size_t>(length - 1));
      int64_t tokens = 0;
      for (auto& block : expected) {
        block.insert(block.begin(), 0);
        tokens += static_cast<int64_t>(block.size());
      }
      EXPECT_EQ(all(samples), expected) << "length " << length;
      EXPECT_EQ(samples.tokens(), tokens);
    }
  }
}

TEST_F(SamplesTest, CardPiecesOfWholeDocuments) {
  const auto prepared = corpus(Boundary::kDocument, {set("a", some_text(200, 3))});
  const Samples samples(prepared, {Split::kTrain, Packing::kCompleteDoc, 4096});
  ASSERT_EQ(samples.size(), 200);
  for (const auto& piece : all(samples)) {
    EXPECT_EQ(piece.front(), 0);
    EXPECT_EQ(piece.back(), 2);
    EXPECT_EQ(std::count(piece.begin(), piece.end(), 2), 1);
  }
}

TEST_F(SamplesTest, WeightsRepeatAndThin) {
  const auto prepared =
      corpus(Boundary::kDocument,
             {set("a", some_text(60, 4), 2), set("b", some_text(90, 5), 0.5), set("c", some_text(30, 6), 0)});
  const Samples samples(prepared, {Split::kTrain, Packing::kNone, 32});
  const auto pieces_of = [&](size_t set) {
    return (prepared->stream(set, Split::kTrain).tokens() + 31) / 32;
  };
  const auto half = static_cast<int64_t>(std::llround(0.5 * static_cast<double>(pieces_of(1))));
  ASSERT_EQ(samples.size(), 2 * pieces_of(0) + half);
  const auto pieces = all(samples);
  const auto first = pieces.begin(), second = first + pieces_of(0), third = second + pieces_of(0);
  EXPECT_TRUE(std::equal(first, second, second, third)) << "each block twice";
  EXPECT_EQ(std::set<std::vector<int32_t>>(third, pieces.end()).size(), static_cast<size_t>(half));
  int64_t tokens = 0;
  for (const auto& piece : pieces) tokens += static_cast<int64_t>(piece.size());
  EXPECT_EQ(samples.tokens(), tokens);
}

TEST_F(SamplesTest, HeldOutTextIsNotTrainedOn) {
  const auto prepared = corpus(Boundary::kDocument, {set("a", some_text(400, 7), 3)}, 0.25);
  const Samples train(prepared, {Split::kTrain, Packing::kCompleteDoc, 4096}),
      held_out(prepared, {Split::kHeldOut, Packing::kCompleteDoc, 4096});
  EXPECT_NEAR(static_cast<double>(held_out.size()), 100, 40);
  EXPECT_EQ(train.size() / 3 + held_out.size(), 400) << "weights are for training";
  const auto a = all(train);
  std::set<std::vector<int32_t>> seen(a.begin(), a.end());
  for (const auto& piece : all(held_out)) EXPECT_FALSE(seen.contains(piece));
}

TEST_F(SamplesTest, RejectsWhatDoesNotExist) {
  const auto prepared = corpus(Boundary::kDocument, {set("a", "the cat\n")});
  const Samples samples(prepared, {});
  std::vector<int32_t> ids;
  EXPECT_ERROR(ErrorCode::kUsage, samples.read(1, ids), "sample 1");
  EXPECT_ERROR(ErrorCode::kUsage, Samples(prepared, {Split::kTrain, Packing::kNone, 1}), "1 tokens");
}

TEST(StreamPosition, IsAPermutationOfEachEpoch) {
  for (const int64_t size : {1, 2, 3, 5, 64, 65, 1000, 4097}) {
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<bool> seen(static_cast<size_t>(size));
      for (int64_t n = epoch * size; n < (epoch + 1) * size; ++n) {
        const StreamPosition position = stream_position(7, size, n);
        ASSERT_EQ(position.epoch, epoch);
        ASSERT_GE(position.index, 0);
        ASSERT_LT(position.index, size);
        ASSERT_FALSE(seen[static_cast<size_t>(position.index)]);
        seen[static_cast<size_t>(position.index)] = true;
      }
    }
  }
}

TEST(StreamPosition, OrdersAreWellMixed) {
  constexpr int64_t kSize = 10000;
  const auto order = [](uint64_t seed, int64_t epoch) {
    std::vector<double> out;
    for (int64_t n = 0; n < kSize; ++n)
      out.push_back(static_cast<double>(stream_position(seed, kSize, epoch * kSize + n).index));
    return out;
  };
  const auto correlation = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    const double mean = (kSize - 1) / 2.0, variance = (double{kSize} * kSize - 1) / 12.0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean) * (b[i] - mean);
    return sum / (kSize * variance);
  };
  std::vector<double> place(kSize);
  std::iota(place.begin(), place.end(), 0.0);
  const std::vector<double> first = order(1, 0), next_epoch = order(1, 1), other_seed = order(2, 0);
  std::vector<double> shifted(first.begin() + 1, first.end());
  shifted.push_back(first.front());
  EXPECT_NEAR(correlation(first, place), 0, 0.05);
  EXPECT_NEAR(correlation(first, shifted), 0, 0.05) << "neighbours";
  EXPECT_NEAR(correlation(first, next_epoch), 0, 0.05);
  EXPECT_NEAR(correlation(first, other_seed), 0, 0.05);
  // The first tenth of the order holds a tenth of each tenth of the samples.
  std::vector<int64_t> counts(10);
  for (size_t i = 0; i < 1000; ++i) ++counts[static_cast<size_t>(first[i]) / 1000];
  for (const int64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 100, 50);
}

TEST(StreamPosition, RejectsAnEmptyCorpus) {
  EXPECT_ERROR(ErrorCode::kInput, stream_position(1, 0, 0), "no samples");
}

}  // namespace
TEST_F(SamplesTest, ThinnedSetMeetsAllPiecesInTime) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "the cat the dog the log " + std::to_string(i) + "\n\n";
  const auto prepared = corpus(Boundary::kDocument, {set("a", text, 0.3)});
  const auto whole = corpus(Boundary::kDocument, {set("a", text)});
  const Samples thinned(prepared, {.length = 8}), every(whole, {.length = 8});
  ASSERT_EQ(thinned.size(), std::llround(0.3 * static_cast<double>(every.size())));
  std::set<std::vector<int32_t>> met;
  std::vector<int32_t> ids, again;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    for (int64_t i = 0; i < thinned.size(); ++i) thinned.read(i, ids, epoch), met.insert(ids);
  }
  std::set<std::vector<int32_t>> pieces;
  for (const auto& piece : all(every)) pieces.insert(piece);
  EXPECT_EQ(met, pieces) << "four epochs of three tenths";
  thinned.read(0, ids, 0), thinned.read(0, again, 1);
  EXPECT_NE(ids, again);
}

}  // namespace roberta
